/**
 * Server of the real-time clock, which shows the host's time in UTC.
 *
 * @module
 */

import { Rtc, RTC_MANIFEST } from "../devices/rtc.ts";
import { serve } from "./runtime.ts";

serve(RTC_MANIFEST, (context) => {
  // What the clock is told is the time at guest time zero.
  const unixTime = Date.now() - context.now() / 1e6;
  return new Rtc(context, { unixTime, tickPolicy: "discard" });
});
