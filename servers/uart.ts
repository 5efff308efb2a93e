/**
 * Server of the first serial port.
 *
 * @module
 */

import { Uart, uartManifest } from "../devices/uart.ts";
import { serve } from "./runtime.ts";

serve(uartManifest(0), (context) => new Uart(context));
