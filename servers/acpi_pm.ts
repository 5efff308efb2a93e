/**
 * Server of the ACPI fixed hardware.
 *
 * @module
 */

import { ACPI_PM_MANIFEST, AcpiPm } from "../devices/acpi_pm.ts";
import { serve } from "./runtime.ts";

serve(ACPI_PM_MANIFEST, (context) => new AcpiPm(context));
