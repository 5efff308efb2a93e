/**
 * A shell beside the toolstack that outlives it by a moment: whatever way the toolstack ends, SIGKILL
 * included, the domain's processes are ended and its files removed.
 *
 * It reads from a pipe that only the toolstack holds, and acts once the pipe is closed.
 *
 * @module
 */

import { type RuntimePaths, SHARED_MEMORY_ROOT } from "./runtime_directory.ts";

// Arguments: root of the runtime directories, root of shared memory, then what is to be removed at the end.
// First, what toolstacks left that were killed together with their janitor is removed. Files whose name
// carries the id of a process that is alive belong to it.
const SCRIPT = `
trap '' HUP INT TERM
for path in "$1"/atoll-* "$2"/atoll-*; do
  [ -O "$path" ] || continue
  name=\${path##*/atoll-}
  pid=\${name%%-*}
  case $pid in '' | *[!0-9]*) continue ;; esac
  kill -0 "$pid" || rm -rf "$path"
done 2>/dev/null
shift 2
pids=' '
while read -r word pid; do
  case $word in
    started) pids="$pids$pid " ;;
    ended) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid"; done 2>/dev/null
rm -rf "$@"
`;

const encoder = new TextEncoder();

/** Ends processes and removes files once the toolstack is gone, or once it is told to. */
export class Janitor {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #paths: RuntimePaths;

  /** Starts it. @throws {Deno.errors.NotCapable} without `--allow-run=sh` */
  constructor(paths: RuntimePaths) {
    this.#paths = paths;
    this.#process = spawn(paths);
    this.#writer = this.#process.stdin.getWriter();
  }

  /** A process of the domain runs from now on. */
  started(pid: number): void {
    this.#tell(`started ${pid}\n`);
  }

  /** A process has ended; its id may be given to another program. */
  ended(pid: number): void {
    this.#tell(`ended ${pid}\n`);
  }

  /** Ends what still runs, removes the files, and waits until that is done. */
  async finish(): Promise<void> {
    await this.#writer.close().catch(() => {});
    const status = await this.#process.status;
    if (status.success) return;
    const again = spawn(this.#paths);
    await again.stdin.close();
    await again.status;
  }

  #tell(line: string): void {
    // A janitor that was killed is replaced when the domain ends.
    this.#writer.write(encoder.encode(line)).catch(() => {});
  }
}

function spawn(paths: RuntimePaths): Deno.ChildProcess {
  return new Deno.Command("sh", {
    args: ["-c", SCRIPT, "atoll-janitor", paths.root, SHARED_MEMORY_ROOT, paths.directory, paths.ramFile],
    // A session of its own: signals of the terminal are for the toolstack.
    detached: true,
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
}
