/** Stand-in for `@std/fmt/bytes`, for hosts that cannot reach JSR. */

/** Options of {@link format}. */
export interface FormatOptions {
  /** Counts bits instead of bytes. */
  bits?: boolean;
  /** Powers of 1024 (KiB) instead of 1000 (kB). */
  binary?: boolean;
  /** Puts a plus sign before positive numbers. */
  signed?: boolean;
  minimumFractionDigits?: number;
  maximumFractionDigits?: number;
}

/** A number of bytes for people: `1.34 kB`. @throws {TypeError} if it is not finite. */
export function format(value: number, options: FormatOptions = {}): string {
  if (!Number.isFinite(value)) {
    throw new TypeError(`Expected a finite number, got ${typeof value}: ${value}`);
  }
  const unit = options.bits ? "b" : "B";
  const prefixes = options.binary
    ? ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]
    : ["", "k", "M", "G", "T", "P", "E", "Z", "Y"];
  if (options.bits && !options.binary) prefixes[1] = "k";
  if (options.signed && value === 0) return ` 0 ${unit}`;
  const sign = value < 0 ? "-" : options.signed ? "+" : "";
  const size = Math.abs(value);
  const locale: Intl.NumberFormatOptions = {};
  if (options.minimumFractionDigits !== undefined) {
    locale.minimumFractionDigits = options.minimumFractionDigits;
  }
  if (options.maximumFractionDigits !== undefined) {
    locale.maximumFractionDigits = options.maximumFractionDigits;
  }
  const plain = Object.keys(locale).length === 0;
  if (size < 1) return `${sign}${plain ? size : size.toLocaleString("en", locale)} ${unit}`;
  const base = options.binary ? 1024 : 1000;
  const exponent = Math.min(
    Math.floor(options.binary ? Math.log(size) / Math.log(1024) : Math.log10(size) / 3),
    prefixes.length - 1,
  );
  const scaled = size / base ** exponent;
  const digits = plain ? Number(scaled.toPrecision(3)).toString() : scaled.toLocaleString("en", locale);
  return `${sign}${digits} ${prefixes[exponent]}${unit}`;
}
