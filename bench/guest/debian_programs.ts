/**
 * Debian's own programs as a folder of the guest, in which they run under chroot.
 *
 * @module
 */

import { fromFileUrl, join } from "@std/path";
import { CpioArchive } from "../../toolstack/image/cpio.ts";
import { type PackageSet, unpackedPackages } from "./debian_packages.ts";
import { sampleText } from "./sample_text.ts";

/** The folder in the guest, without the leading slash. */
export const DEBIAN_ROOT = "debian";

const PROGRAMS: Omit<PackageSet, "architecture"> = {
  name: "guest-programs",
  packages: [
    ...["dash", "gzip", "xz-utils", "coreutils", "openssl", "sqlite3", "perl-base", "gcc", "libc6-dev"],
    ...["python3-minimal", "libpython3-stdlib"],
  ],
  follow: ".*",
  // Libraries for kinds of programs that nobody compiles here, and what only installing takes.
  without:
    "lib([alt]|hwa|ub)san[0-9]+|lib(itm|gomp|quadmath|cc1-|nsl|tirpc|gprofng).*|libcrypt-dev|rpcsvc-proto|" +
    "debianutils|dpkg|tar|install-info|media-types|mailcap|mime-support|debconf|ca-certificates|perl|readline-common",
  exclude: [
    ...["./usr/share/*", "./var/*", "./etc/*", "*.py[co]", "*/python3*/test", "*/python3*/lib2to3"],
    ...["*/python3*/idlelib", "*/python3*/ensurepip", "*/python3*/distutils", "*/python3*/pydoc_data"],
    ...["*/gconv/*", "*/ldscripts/*", "*/lto1", "*/lto-wrapper", "*/plugin/*", "*/cc1plus", "*san*.a"],
    ...["*/libc.a", "*/libm.a", "*/libm-*.a", "*/libmvec*", "*lto-dump*", "*gcov*", "*gprof*", "*/gp-*"],
    ...["*-gp-*", "*dwp", "*gold", "*/perl5.*[0-9]", "*/ossl-modules/*", "*/engines-3/*"],
  ],
};

const WORKLOADS = fromFileUrl(new URL("./workloads/", import.meta.url));
const SOURCES = fromFileUrl(new URL("./programs/", import.meta.url));

/** A cpio archive with the programs and what they work on. */
export async function debianProgramsArchive(
  architecture: PackageSet["architecture"],
): Promise<Uint8Array<ArrayBuffer>> {
  const archive = new CpioArchive();
  await addFolder(archive, await unpackedPackages({ ...PROGRAMS, architecture }), DEBIAN_ROOT);
  for (const folder of ["proc", "dev", "tmp"]) archive.addDirectory(`${DEBIAN_ROOT}/${folder}`);
  await addFolder(archive, WORKLOADS, `${DEBIAN_ROOT}/work`);
  await addFolder(archive, SOURCES, `${DEBIAN_ROOT}/work/programs`);
  archive.addFile(`${DEBIAN_ROOT}/work/text`, new TextEncoder().encode(sampleText()));
  return archive.finish();
}

/** Adds a folder of the host with all that is in it, in an order that is always the same. */
async function addFolder(archive: CpioArchive, folder: string, path: string): Promise<void> {
  archive.addDirectory(path);
  const entries = await Array.fromAsync(Deno.readDir(folder));
  for (const entry of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
    const [from, to] = [join(folder, entry.name), `${path}/${entry.name}`];
    if (entry.isSymlink) archive.addSymlink(to, await Deno.readLink(from));
    else if (entry.isDirectory) await addFolder(archive, from, to);
    else archive.addFile(to, await Deno.readFile(from), (await Deno.stat(from)).mode! & 0o777);
  }
}
