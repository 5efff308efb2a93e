import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describePermissions, Domain, type DomainConfig } from "../mod.ts";
import { readUntil } from "./atoll_command.ts";
import { GREETING, packedTinyGuest, PANIC, tinyGuest } from "./tiny_guest.ts";

const encode = (text: string) => new TextEncoder().encode(text);

async function startGuest(config: Partial<DomainConfig> = {}): Promise<Domain> {
  const domain = await Domain.create({ kernel: tinyGuest(), memory: "16MiB", ...config });
  await domain.start();
  await readUntil(domain.console.readable, GREETING);
  return domain;
}

async function type(domain: Domain, text: string): Promise<void> {
  const writer = domain.console.writable.getWriter();
  await writer.write(encode(text));
  writer.releaseLock();
}

Deno.test("a domain goes through its states and refuses what does not fit them", async () => {
  await using domain = await Domain.create({ kernel: tinyGuest(), memory: 16 << 20 });
  assertEquals(domain.state, "created");
  await assertRejects(() => domain.pause(), Error, "Domain is created");
  await domain.start();
  assertEquals(domain.state, "running");
  await assertRejects(() => domain.start(), Error, "Domain is running");
  await assertRejects(() => domain.save(), Error, "Domain is running");
  await domain.pause();
  assertEquals(domain.state, "paused");
  await domain.resume();
  await domain.destroy();
  assertEquals(domain.state, "ended");
  assertEquals((await domain.wait()).reason, "destroyed");
  await assertRejects(() => domain.resume(), Error, "Domain is ended");
  await assertRejects(() => domain.shutdown(), Error, "Domain is ended");
});

Deno.test("a paused guest stands still and goes on as if nothing had been", async () => {
  await using domain = await startGuest();
  await domain.pause();
  const before = await domain.statistics();
  await type(domain, "abc");
  const after = await domain.statistics();
  assertEquals([after.guestTime, after.instructions], [before.guestTime, before.instructions]);
  await domain.resume();
  await readUntil(domain.console.readable, "abc");
  assert((await domain.statistics()).instructions > before.instructions);
});

Deno.test("a domain that is reset starts from its beginning", async () => {
  await using domain = await startGuest();
  await type(domain, "x");
  await readUntil(domain.console.readable, "x");
  await domain.reset();
  assertEquals(await readUntil(domain.console.readable, GREETING), GREETING);
});

Deno.test("a packed kernel is unpacked once, and reset from what was kept, also after that is gone", async () => {
  const cacheFolder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const packed = { kernel: packedTinyGuest(), cacheFolder };
    await (await startGuest(packed)).destroy();
    const grants = (await describePermissions(packed)).find(({ name }) => name === "kernel")!.grants;
    assertStringIncludes(grants[0]!, `,${cacheFolder}/kernel-`);
    await using domain = await startGuest(packed);
    await Deno.remove(cacheFolder, { recursive: true });
    await domain.reset();
    assertEquals(await readUntil(domain.console.readable, GREETING), GREETING);
  } finally {
    await Deno.remove(cacheFolder, { recursive: true }).catch(() => {});
  }
});

Deno.test("a domain is reset as it was made, also after its files are gone", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // No permission can name the second file, so that it comes to the kernel process another way.
    for (const name of ["kernel", "a,b"]) {
      const [kernel, initrd] = [`${folder}/${name}`, `${folder}/${name}.initrd`];
      await Deno.writeFile(kernel, tinyGuest());
      await Deno.writeFile(initrd, new Uint8Array(5000));
      await using domain = await startGuest({ kernel, initrd });
      await Deno.remove(kernel);
      await Deno.remove(initrd);
      await domain.reset();
      assertEquals(await readUntil(domain.console.readable, GREETING), GREETING);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the state of CPU and devices can be put back", async () => {
  await using domain = await startGuest();
  await domain.pause();
  const state = await domain.save();
  await domain.resume();
  await type(domain, "h");
  assertEquals((await domain.wait()).detail, `Guest stopped: ${PANIC}`);

  await using other = await Domain.create({ kernel: tinyGuest(), memory: "16MiB" });
  await other.restore(JSON.parse(JSON.stringify(state)));
  await other.start();
  await type(other, "z");
  // It goes on behind the greeting.
  assertEquals(await readUntil(other.console.readable, "z"), "z");
});

Deno.test("how a guest ended is told with its registers and counters", async () => {
  await using domain = await startGuest();
  await type(domain, "t");
  const { reason, exitCode, registers } = await domain.wait();
  assertEquals([reason, exitCode], ["triple-fault", 3]);
  assert(registers?.includes("RIP="));
  assert((await domain.statistics()).instructions > 0n);
});

Deno.test("keys that do not exist are refused", async () => {
  await using domain = await startGuest();
  await domain.sendKeys("ControlLeft", "AltLeft", "Delete");
  await domain.sendInput({ move: { dx: 1, dy: -1 } }, { button: "left", down: true });
  await assertRejects(() => domain.sendKeys("NoSuchKey"), TypeError, "NoSuchKey");
});

Deno.test("memory is shared through a file where FFI is granted, and the file goes with the domain", async () => {
  const name = `/dev/shm/atoll-${Deno.pid}-`;
  const files = async () => {
    const { stdout } = await new Deno.Command("sh", { args: ["-c", `ls -d ${name}* 2>/dev/null; true`] })
      .output();
    return new TextDecoder().decode(stdout).split("\n").length - 1;
  };
  {
    await using domain = await startGuest({ shareMemory: true });
    assertEquals([domain.state, await files()], ["running", 1]);
  }
  assertEquals(await files(), 0);
});
