/**
 * Server of the ACPI fixed hardware.
 *
 * @module
 */

import { AcpiPm, ACPI_PM_MANIFEST } from "../devices/acpi_pm.ts";
import { serve } from "./runtime.ts";

serve(ACPI_PM_MANIFEST, (context) => new AcpiPm(context));
