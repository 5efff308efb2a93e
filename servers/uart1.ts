/**
 * Server of the second serial port.
 *
 * @module
 */

import { Uart, uartManifest } from "../devices/uart.ts";
import { serve } from "./runtime.ts";

serve(uartManifest(1), (context) => new Uart(context));
