import { assertEquals, assertStringIncludes } from "@std/assert";
import { MessageType } from "../kernel/abi/message.ts";
import { type ServerEntry, SERVERS } from "../servers/mod.ts";
import { permissionFlags, serverPlan } from "../toolstack/permissions.ts";
import { packedTinyGuest } from "./tiny_guest.ts";
import { AtollHost } from "./atoll_command.ts";
import { ServerSession } from "./server_session.ts";

/** Runs a server that may do everything through its life, and gives the permissions that it used. */
async function usedPermissions(entry: ServerEntry, audit: string): Promise<string[]> {
  const plan = serverPlan(entry);
  const flags = plan.flags.filter((flag) => !flag.startsWith("--allow-"));
  const process = new Deno.Command("sh", {
    args: ["-c", 'exec "$@"', "sh", Deno.execPath(), "run", ...flags, "--allow-all", plan.url],
    env: { DENO_AUDIT_PERMISSIONS: audit },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const session = new ServerSession(process);
  await session.open();
  for (const range of session.ranges) {
    for (let address = range.first; address <= range.last; address++) await session.read(range, address);
  }
  const state = await session.request(MessageType.Save, MessageType.State);
  await session.request(MessageType.Pause, MessageType.Done);
  await session.request(MessageType.Reset, MessageType.Done);
  await session.request(MessageType.Restore, MessageType.Done, state);
  await session.request(MessageType.Resume, MessageType.Done);
  await session.request(MessageType.Ping, MessageType.Done);
  await session.close();
  assertEquals((await process.status).code, 0);
  const lines = (await Deno.readTextFile(audit).catch(() => "")).split("\n").filter((line) => line !== "");
  return lines.map((line): { permission: string; value?: string } => JSON.parse(line))
    .map(({ permission, value }) => `--allow-${permission}=${value ?? ""}`);
}

for (const entry of SERVERS) {
  const { name, permissions } = entry.manifest;
  Deno.test(`server ${name} uses nothing beyond its manifest, even if it may`, async () => {
    await using host = await AtollHost.create();
    const used = await usedPermissions(entry, `${host.files}/audit`);
    const granted = permissionFlags(permissions);
    assertEquals(used.filter((permission) => !granted.includes(permission)), []);
  });
}

Deno.test("platform devices may do nothing on the host", async () => {
  await using host = await AtollHost.create();
  const { code, stdout } = await host.run(["permissions"]);
  assertEquals(code, 0);
  for (const { manifest } of SERVERS) {
    const line = stdout.split("\n").find((line) => line.startsWith(`${manifest.name} `));
    assertStringIncludes(line ?? "", manifest.description);
    if (permissionFlags(manifest.permissions).length === 0) assertEquals(line?.endsWith("  none"), true);
  }
});

/** What the kernel process is granted, with arguments that name files. */
async function kernelGrants(host: AtollHost, ...args: readonly string[]): Promise<string[]> {
  const { stdout } = await host.run(["permissions", ...args]);
  return stdout.split("\n").slice(0, 2).map((line) => line.trim().split(/\s+/).at(-1)!);
}

Deno.test("the kernel process may reach its own code, its FIFOs and what it loads, and nothing else", async () => {
  await using host = await AtollHost.create();
  const project = new URL("../", import.meta.url).pathname;
  const directory = `${host.runtime}/atoll-PID-RANDOM`;
  const write = `--allow-write=${directory}`;
  assertEquals(await kernelGrants(host), [`--allow-read=${project}kernel/,${directory}`, write]);
  const [kernel, initrd] = [await host.tinyGuest(), await host.file("initrd", "x")];
  assertEquals(await kernelGrants(host, "--kernel", kernel, "--initrd", initrd), [
    `--allow-read=${project}kernel/,${kernel},${initrd},${directory}`,
    write,
  ]);
  // The toolstack unpacks it the first time, and keeps what is in it.
  const unpacked = ["--kernel", await host.file("vmlinuz", packedTinyGuest())];
  host.cache = host.files;
  assertEquals(await kernelGrants(host, ...unpacked), [`--allow-read=${project}kernel/,${directory}`, write]);
  assertEquals((await host.run(["run", ...unpacked], "p")).code, 0);
  const [{ name }] = await Array.fromAsync(Deno.readDir(`${host.cache}/atoll`)) as [Deno.DirEntry];
  assertEquals(await kernelGrants(host, ...unpacked), [
    `--allow-read=${project}kernel/,${host.cache}/atoll/${name}/vmlinux,${directory}`,
    write,
  ]);
  assertEquals((await host.run(["run", ...unpacked], "p")).code, 0);
});
