/**
 * Server of the 8254 programmable interval timer.
 *
 * @module
 */

import { Pit, PIT_MANIFEST } from "../devices/pit.ts";
import { serve } from "./runtime.ts";

serve(PIT_MANIFEST, (context) => new Pit(context));
