/** Something that the user asked for cannot be had: one line that names the thing and what to do. */
export class ConfigurationError extends Error {
  /** Always `ConfigurationError`. */
  override name = "ConfigurationError";
}
