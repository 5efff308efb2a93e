/** Stand-in for `@std/fmt/colors`, for hosts that cannot reach JSR. */

let enabled = !Deno.noColor;

/** Turns colours on or off; `NO_COLOR` in the environment wins. */
export function setColorEnabled(value: boolean): void {
  if (Deno.noColor) return;
  enabled = value;
}

/** Whether colours are on. */
export function getColorEnabled(): boolean {
  return enabled;
}

/** Selects `open` for `text`, and again after each `close` inside it, so that styles nest. */
function style(text: string, open: number, close: number): string {
  if (!enabled) return text;
  const start = `\x1b[${open}m`;
  const end = `\x1b[${close}m`;
  return start + text.replaceAll(end, start) + end;
}

export const reset = (text: string): string => style(text, 0, 0);
export const bold = (text: string): string => style(text, 1, 22);
export const dim = (text: string): string => style(text, 2, 22);
export const italic = (text: string): string => style(text, 3, 23);
export const underline = (text: string): string => style(text, 4, 24);
export const inverse = (text: string): string => style(text, 7, 27);
export const strikethrough = (text: string): string => style(text, 9, 29);
export const black = (text: string): string => style(text, 30, 39);
export const red = (text: string): string => style(text, 31, 39);
export const green = (text: string): string => style(text, 32, 39);
export const yellow = (text: string): string => style(text, 33, 39);
export const blue = (text: string): string => style(text, 34, 39);
export const magenta = (text: string): string => style(text, 35, 39);
export const cyan = (text: string): string => style(text, 36, 39);
export const white = (text: string): string => style(text, 37, 39);
export const gray = (text: string): string => style(text, 90, 39);
export const brightRed = (text: string): string => style(text, 91, 39);
export const brightGreen = (text: string): string => style(text, 92, 39);
export const brightYellow = (text: string): string => style(text, 93, 39);
export const brightBlue = (text: string): string => style(text, 94, 39);
export const brightMagenta = (text: string): string => style(text, 95, 39);
export const brightCyan = (text: string): string => style(text, 96, 39);
export const brightWhite = (text: string): string => style(text, 97, 39);

// deno-lint-ignore no-control-regex
const ANSI = /[\x1b\x9b][[\]()#;?]*(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]/g;

/** `text` without escape sequences. */
export function stripAnsiCode(text: string): string {
  return text.replace(ANSI, "");
}
