/** Stand-in for `@std/fmt/duration`, for hosts that cannot reach JSR. */

/** Options of {@link format}. */
export interface FormatOptions {
  /** `narrow` is `1d 2h`, `digital` is `01:02:...`, `full` is `1 days, 2 hours`. */
  style?: "narrow" | "digital" | "full";
  /** Leaves out what is zero. */
  ignoreZero?: boolean;
}

const PARTS = [
  { narrow: "d", full: "days", milliseconds: 86_400_000 },
  { narrow: "h", full: "hours", milliseconds: 3_600_000 },
  { narrow: "m", full: "minutes", milliseconds: 60_000 },
  { narrow: "s", full: "seconds", milliseconds: 1000 },
  { narrow: "ms", full: "milliseconds", milliseconds: 1 },
  { narrow: "µs", full: "microseconds", milliseconds: 1 / 1000 },
  { narrow: "ns", full: "nanoseconds", milliseconds: 1 / 1_000_000 },
];

/** A duration in milliseconds for people. */
export function format(milliseconds: number, options: FormatOptions = {}): string {
  const { style = "narrow", ignoreZero = false } = options;
  let rest = Math.round(Math.abs(milliseconds) * 1_000_000);
  const values = PARTS.map((part) => {
    const unit = Math.round(part.milliseconds * 1_000_000);
    const value = Math.floor(rest / unit);
    rest -= value * unit;
    return { part, value };
  });
  if (style === "digital") {
    const digits = values.map(({ value }, index) => String(value).padStart(index < 4 ? 2 : 3, "0"));
    return ignoreZero ? digits.filter((_, index) => values[index]!.value !== 0).join(":") : digits.join(":");
  }
  const kept = ignoreZero ? values.filter(({ value }) => value !== 0) : values;
  return style === "full"
    ? kept.map(({ part, value }) => `${value} ${part.full}`).join(", ")
    : kept.map(({ part, value }) => `${value}${part.narrow}`).join(" ");
}
