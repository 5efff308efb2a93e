/**
 * The `atoll` command.
 *
 * @module
 */

import { ConfigurationError } from "../toolstack/configuration_error.ts";
import { commandHelp, COMMANDS, mainHelp } from "./commands.ts";
import { errorLine } from "./error_line.ts";
import { parseOptions, unknownName } from "./options.ts";
import config from "../deno.json" with { type: "json" };

/** Exit code for what the user or the host has to change. */
const FAILURE = 2;

/** Runs the command and gives its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === "--help" || name === "-h" || name === "help") {
    console.log(mainHelp());
    return 0;
  }
  if (name === "--version" || name === "-V") {
    console.log(`atoll ${config.version}`);
    return 0;
  }
  try {
    if (name === undefined) {
      throw new ConfigurationError("No command is given: try atoll start, or see atoll --help");
    }
    const command = COMMANDS.find((command) => command.name === name);
    if (command === undefined) {
      const kind = name.startsWith("-") ? "Option" : "Command";
      throw unknownName(
        kind,
        name,
        [...COMMANDS.map(({ name }) => name), "--help", "--version"],
        "atoll --help",
      );
    }
    const values = parseOptions(name, rest, command.options);
    if (values.has("help")) {
      console.log(commandHelp(command));
      return 0;
    }
    return await command.run(values);
  } catch (error) {
    console.error(`atoll: ${errorLine(error)}`);
    return FAILURE;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
