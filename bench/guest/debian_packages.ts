/**
 * Packages of Debian with all that they depend on, unpacked into a cache folder; nothing is installed.
 *
 * Needs permission to write the cache folder and to run `sh`, which runs apt, dpkg-deb and tar.
 *
 * @module
 */

import { join } from "@std/path";
import { temporaryFolder } from "../../toolstack/image/cache_folder.ts";
import { cacheFolder } from "../../toolstack/image/debian.ts";

/** What to fetch. */
export interface PackageSet {
  /** Names its folder in the cache. */
  readonly name: string;
  readonly architecture: "amd64" | "i386";
  readonly packages: readonly string[];
  /** Dependencies that come along, with theirs: an extended regular expression for the whole name. */
  readonly follow: string;
  /** Those that do not all the same. */
  readonly without: string;
  /** Paths that are not unpacked, as `tar --exclude` takes them. */
  readonly exclude: readonly string[];
}

// Lists of its own let apt know another architecture than the host's, and need no root. The folders of a system with
// merged /usr are there first, since older packages have files in both places.
const FETCH = `set -e
architecture=$1 follow=$2 without=$3 exclude=$4
shift 4
mkdir -p lists/partial archives/partial debs root/usr/bin root/usr/sbin root/usr/lib root/usr/lib64
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "root/$folder"; done
: >status
cat >apt.conf <<END
APT::Architecture "$architecture";
APT::Architectures "$architecture";
APT::Sandbox::User "root";
Acquire::Languages "none";
Dir::State::Lists "$PWD/lists";
Dir::State::Status "$PWD/status";
Dir::Cache "$PWD";
END
export APT_CONFIG="$PWD/apt.conf" LC_ALL=C
apt-get -q update >&2 || echo "Some package lists cannot be had" >&2
packages=$*
done=" "
while [ -n "$packages" ]; do
  next=
  for package in $packages; do
    case $done in *" $package "*) continue ;; esac
    done="$done$package "
    next="$next $(apt-cache depends --important "$package" 2>/dev/null |
      sed -n 's/^ *\\(Pre\\)*Depends: \\([a-z0-9][^ :]*\\).*/\\2/p' | grep -xE "$follow" | grep -vxE "$without" || true)"
  done
  packages=$next
done
(cd debs && apt-get -q download $done >&2)
for deb in debs/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C root --keep-directory-symlink --no-same-owner $exclude
done`;

/**
 * Path of the root folder into which the packages are unpacked.
 *
 * @throws {Error} if they cannot be downloaded
 */
export async function unpackedPackages(set: PackageSet): Promise<string> {
  const cache = cacheFolder();
  const folder = join(cache, `${set.name}-${await fingerprint(set)}`);
  if (await exists(folder)) return folder;
  console.error(`Fetching Debian packages (${set.packages.join(", ")}) for ${set.architecture}`);
  using temporary = await temporaryFolder(cache);
  const { success, stderr } = await new Deno.Command("sh", {
    args: [
      ...["-c", FETCH, "sh", set.architecture, set.follow, set.without],
      set.exclude.map((pattern) => `--exclude=${pattern}`).join(" "),
      ...set.packages,
    ],
    cwd: temporary.path,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new Error(`Cannot fetch packages of "${set.name}":\n${new TextDecoder().decode(stderr)}`);
  }
  await Deno.rename(join(temporary.path, "root"), folder);
  return folder;
}

/** Another set gets another folder. */
async function fingerprint(set: PackageSet): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(set) + FETCH);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).slice(0, 4).toHex();
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
