import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";

/** A program in a root of its own, as a container runtime starts it. */
export interface Enclosure {
  readonly root: string;
  readonly command: readonly string[];
  /** Nothing else is in its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** `10001:10001`; absent: root. */
  readonly user?: string;
  /** True: nothing can be written anywhere, also not in /tmp. */
  readonly isReadOnly: boolean;
  /** What of this machine is put where in it; below /mnt, where folders for it are made. */
  readonly binds: Readonly<Record<string, string>>;
}

// Everything happens in namespaces of its own, so all mounts end together with the program. The network is the machine's.
const SCRIPT = `
set -eu
root=$1 user=$2 access=$3 count=$4
shift 4
mount --make-rprivate /
mount --bind "$root" "$root"
for file in hosts resolv.conf; do
  [ -e "$root/etc/$file" ] || touch "$root/etc/$file"
  mount --bind "/etc/$file" "$root/etc/$file"
done
mount -t tmpfs -o mode=755 tmpfs "$root/mnt"
while [ "$count" -gt 0 ]; do
  if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$(dirname "$root$2")"; touch "$root$2"; fi
  mount --bind "$1" "$root$2"
  shift 2
  count=$((count - 1))
done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
if [ "$access" = ro ]; then mount -o remount,bind,ro "$root"; else mount -t tmpfs tmpfs "$root/tmp"; fi
exec setpriv --no-new-privs chroot --userspec="$user" --groups= "$root" /usr/bin/env -i "$@"
`;

/** Starts it. The first program inside is process 1 there, as in a container. */
export function startEnclosed(enclosure: Enclosure, stdio: "pipe" | "inherit"): ChildProcess {
  const { root, user = "0:0", isReadOnly, binds, workdir, env, command } = enclosure;
  const mounts = Object.entries(binds).flatMap(([at, from]) => [from, at]);
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const access = isReadOnly ? "ro" : "rw";
  const script = [
    root,
    user,
    access,
    String(mounts.length / 2),
    ...mounts,
    `--chdir=${workdir}`,
    ...variables,
    ...command,
  ];
  const namespaces = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"];
  return spawn("unshare", [...namespaces, "bash", "-c", SCRIPT, "enclosure", ...script], {
    stdio: ["ignore", stdio, stdio],
  });
}

/** Process 1 of an enclosure, by the number that it has outside. Signals sent to it are what a container runtime sends. */
export async function firstProcess(child: ChildProcess): Promise<number> {
  const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
  return Number(children.trim().split(" ")[0]);
}

/** Runs it to its end; rejects unless it ended with 0. What it says goes to stderr. */
export async function runEnclosed(enclosure: Enclosure): Promise<void> {
  const child = startEnclosed(enclosure, "pipe");
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data: Buffer) => said.push(data));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`${enclosure.command.join(" ")} ended with ${code}:\n${Buffer.concat(said)}`);
}
