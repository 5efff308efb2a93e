import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AtollHost, type EditTask } from "./atoll_command.ts";

interface BadInput {
  readonly name: string;
  /** Words of the form `{name}` stand for files. */
  readonly args: readonly string[];
  readonly message: string;
  readonly edit?: EditTask;
}

const BAD_INPUTS: readonly BadInput[] = [
  { name: "no command", args: [], message: "No command is given" },
  { name: "an unknown command", args: ["stat"], message: "did you mean start?" },
  { name: "an unknown option", args: ["run", "--kernle", "x"], message: "did you mean --kernel?" },
  { name: "an option like no other", args: ["run", "--xyzzy"], message: "see atoll run --help" },
  { name: "an argument too many", args: ["run", "x"], message: 'takes no argument "x"' },
  { name: "an option without value", args: ["run", "--kernel"], message: "write --kernel=FILE" },
  { name: "no kernel", args: ["run"], message: "name one with --kernel FILE" },
  {
    name: "a missing kernel",
    args: ["run", "--kernel", "/no/such"],
    message: 'Kernel "/no/such" does not exist',
  },
  { name: "a folder as kernel", args: ["run", "--kernel", "/"], message: "is a directory" },
  { name: "an empty kernel", args: ["run", "--kernel", "{empty}"], message: "is empty" },
  { name: "a text as kernel", args: ["run", "--kernel", "{text}"], message: "is not a Linux kernel" },
  { name: "a kernel cut off", args: ["run", "--kernel", "{cut}"], message: "Kernel" },
  {
    name: "a missing initrd",
    args: ["run", "--kernel", "{guest}", "--initrd", "/no/such"],
    message: 'Initrd "/no/such" does not exist',
  },
  {
    name: "an initrd that does not fit",
    args: ["run", "--kernel", "{guest}", "--initrd", "{large}", "--memory", "16MiB"],
    message: "large",
  },
  { name: "no memory", args: ["run", "--kernel", "{guest}", "--memory", "0"], message: "not above zero" },
  {
    name: "negative memory",
    args: ["run", "--kernel", "{guest}", "--memory=-1G"],
    message: "not above zero",
  },
  {
    name: "too little memory",
    args: ["run", "--kernel", "{guest}", "--memory", "1M"],
    message: "at least 16MiB",
  },
  { name: "too much memory", args: ["run", "--kernel", "{guest}", "--memory", "9999G"], message: "at most" },
  { name: "memory in words", args: ["run", "--kernel", "{guest}", "--memory", "lots"], message: "512MiB" },
  { name: "an unknown protocol", args: ["run", "--kernel", "{guest}", "--boot", "bios"], message: "linux64" },
  {
    name: "an unknown isolation",
    args: ["run", "--kernel", "{guest}", "--isolation", "x"],
    message: "worker",
  },
  { name: "an unknown log level", args: ["run", "--kernel", "{guest}", "--log", "loud"], message: "debug" },
  {
    name: "a reset limit in words",
    args: ["run", "--kernel", "{guest}", "--reset-limit", "x"],
    message: "0 or more",
  },
  {
    name: "a trace under the CPU check",
    args: ["run", "--kernel", "{guest}", "--cpu-check", "--trace", "/no/such"],
    message: "use one of them",
  },
  {
    name: "no permission to run",
    args: ["run", "--kernel", "{guest}"],
    message: "--allow-run=sh",
    edit: (task) => task.replace("--allow-run=sh,", "--allow-run="),
  },
  {
    name: "no permission to read",
    args: ["run", "--kernel", "{guest}"],
    message: "allow reading it",
    edit: (task) => task.replace("--allow-read ", ""),
  },
  {
    name: "no permission to write",
    args: ["run", "--kernel", "{guest}"],
    message: "--allow-write=",
    edit: (task) => task.replace(/--allow-write=.*?(?=--allow-run)/, ""),
  },
];

Deno.test("each bad input is told in one line that says what to do, and leaves nothing", async (test) => {
  await using host = await AtollHost.create();
  const files: Record<string, string> = {
    guest: await host.tinyGuest(),
    empty: await host.file("empty", ""),
    text: await host.file("text", "This is no kernel.\n".repeat(100)),
    cut: await host.file("cut", (await Deno.readFile(await host.tinyGuest())).subarray(0, 100)),
    large: await host.file("large", new Uint8Array(32 << 20)),
  };
  for (const { name, args, message, edit } of BAD_INPUTS) {
    await test.step(name, async () => {
      const { code, stdout, stderr } = await host.run(
        args.map((argument) => argument.replace(/^\{(\w+)\}$/, (_, file) => files[file]!)),
        "",
        edit,
      );
      assertEquals(stdout, "");
      assertMatch(stderr, /^atoll: [A-Z][^\n]*\n$/);
      assertStringIncludes(stderr, message);
      assertEquals(code, 2);
    });
  }
  assertEquals(await host.leftovers(), []);
});

Deno.test("help and version are told on standard output", async () => {
  await using host = await AtollHost.create();
  for (
    const args of [["--help"], ["start", "--help"], ["run", "-h"], ["permissions", "--help"], ["--version"]]
  ) {
    const { code, stdout, stderr } = await host.run(args);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, args[0] === "--version" ? /^atoll \d+\.\d+\.\d+\n$/ : /^Usage: atoll .*\n/);
  }
});
