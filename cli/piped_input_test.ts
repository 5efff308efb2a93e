import { assert, assertEquals, assertFalse } from "@std/assert";
import { isPrompt, PipedInput } from "./piped_input.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/**
 * Feeds `input` to a guest that answers each line by `answer`, with time that passes as the guest writes. It is busy until
 * it has written all of `boot`, an empty string being a time in which it writes nothing.
 */
async function feed(input: string, boot: string[], answer: (line: string) => string): Promise<string[]> {
  const sent: string[] = [];
  const waiting = [...boot];
  let guestTime = 0;
  let idle = 0;
  const piped: PipedInput = new PipedInput(
    (bytes) => {
      const line = new TextDecoder().decode(bytes);
      sent.push(`${waiting.length} ${line}`);
      const output = answer(line);
      if (output !== "") waiting.push(output);
      return Promise.resolve();
    },
    () => Promise.resolve({ guestTime, idle }),
    (milliseconds) => {
      guestTime += milliseconds * 1e6;
      if (waiting.length === 0) idle += milliseconds * 1e6;
      const output = waiting.shift() ?? "";
      if (output !== "") piped.output(encode(output));
      return Promise.resolve();
    },
  );
  await piped.feed(ReadableStream.from([encode(input)]));
  return sent;
}

Deno.test("prompts are told from other output", () => {
  for (
    const prompt of ["~ # ", "/ # \x1b[6n", "$ ", "login: ", "Password: ", "> ", "\x1b[1;32mroot:~#\x1b[0m "]
  ) {
    assert(isPrompt(prompt), prompt);
  }
  for (
    const line of [
      "",
      "[    0.1] Booting",
      "Linux version 6.12",
      "[    0.1] x]",
      "[    0.517564] PCI: ",
      "BusyBox (Debian 1:",
    ]
  ) {
    assertFalse(isPrompt(line), line);
  }
});

Deno.test("nothing is sent before the guest has shown a prompt", async () => {
  const boot = ["[    0.1] Linux\r\n", "[    0.2] more: \r\n", "~ # "];
  const sent = await feed("uname\n", boot, () => "Linux\r\n~ # ");
  assertEquals(sent, ["0 uname\n"]);
});

Deno.test("a guest that is quiet because it is busy gets nothing yet", async () => {
  const boot = ["[    0.1] Linux\r\n", ...Array<string>(200).fill(""), "~ # "];
  const sent = await feed("uname\n", boot, () => "Linux\r\n~ # ");
  assertEquals(sent, ["0 uname\n"]);
});

Deno.test("each line waits for its prompt", async () => {
  const boot = ["login: "];
  const sent = await feed(
    "root\nsecret\nls\n",
    boot,
    (line) => line === "ls\n" ? "" : `${line}\r\nPassword: `,
  );
  // All that the guest had to say was there before the next line was sent.
  assertEquals(sent, ["0 root\n", "0 secret\n", "0 ls\n"]);
});

Deno.test("a guest without prompts gets its input all the same, more and more at once", async () => {
  const input = Array.from({ length: 20 }, (_, index) => `${index}\n`).join("");
  const sent = await feed(input, ["[    0.1] Linux\r\n"], () => "");
  assertEquals(sent.map((line) => line.slice(2)).join(""), input);
});

Deno.test("a last line without newline and overlong lines arrive whole", async () => {
  const input = "x".repeat(3000) + "\nend";
  const sent = await feed(input, ["# "], () => "# ");
  assertEquals(sent.map((line) => line.slice(2)).join(""), input);
});
