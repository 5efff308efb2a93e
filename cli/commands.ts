/**
 * The commands and their help.
 *
 * @module
 */

import { DOMAIN_OPTIONS, IMAGE_OPTIONS, type Option, type OptionValues, SESSION_OPTIONS } from "./options.ts";
import { showPermissions } from "./permissions.ts";
import { run } from "./run.ts";
import { start } from "./start.ts";

/** A command. */
export interface Command {
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  readonly options: readonly Option[];
  /** Runs it and gives its exit code. @throws {Error} in one line */
  run(values: OptionValues): Promise<number>;
}

/** All commands. */
export const COMMANDS: readonly Command[] = [
  {
    name: "start",
    summary: "boot Debian's kernel to a shell, fetching what is missing",
    options: [...DOMAIN_OPTIONS, ...SESSION_OPTIONS],
    run: start,
  },
  {
    name: "run",
    summary: "boot a kernel of your own",
    options: [...IMAGE_OPTIONS, ...DOMAIN_OPTIONS, ...SESSION_OPTIONS],
    run,
  },
  {
    name: "permissions",
    summary: "show what each process of a domain may do on the host",
    options: [...IMAGE_OPTIONS, ...DOMAIN_OPTIONS],
    run: showPermissions,
  },
];

const EXIT_CODES = `Exit codes:
  0  the guest powered off, or you quit with Ctrl-A X
  2  something is wrong on the host's side; the last line says what
  3  the guest stopped by a panic or a triple fault`;

/** Help for the command as a whole. */
export function mainHelp(): string {
  return `Usage: atoll COMMAND [OPTIONS]

Commands:
${table(COMMANDS.map(({ name, summary }) => [name, summary]))}

Options:
${table([["--help", "show this help, or that of a command"], ["--version", "show the version"]])}

${EXIT_CODES}`;
}

/** Help for one command. */
export function commandHelp({ name, summary, options }: Command): string {
  const all: readonly Option[] = [...options, { name: "help", help: "show this help" }];
  const rows = all.map(({ name, value, help }): [string, string] => [
    value === undefined ? `--${name}` : `--${name} ${value}`,
    help,
  ]);
  return `Usage: atoll ${name} [OPTIONS]

atoll ${name}: ${summary}

Options:
${table(rows)}

${EXIT_CODES}`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
