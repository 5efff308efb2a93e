/**
 * Server of the i8042 keyboard controller.
 *
 * @module
 */

import { I8042, I8042_MANIFEST } from "../devices/i8042.ts";
import { serve } from "./runtime.ts";

serve(I8042_MANIFEST, (context) => new I8042(context));
