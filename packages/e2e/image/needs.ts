import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Something that this machine doesn't have; the message says what to do. */
export class MissingError extends Error {
  override readonly name = "MissingError";
}

const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** Checks that images can be built and run here: Linux, root, namespaces, debootstrap. Installs the last one where apt can. */
export async function assertCanBuild(): Promise<void> {
  if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64"))
    throw new MissingError("The image can be tried out on Linux on x64 or arm64 only.");
  if (process.getuid?.() !== 0)
    throw new MissingError(
      "Trying the image out needs root, for chroot and mounts: run it as root, or build it with Docker.",
    );
  await run("unshare", ["--mount", "--pid", "--fork", "true"]).catch((cause: unknown) => {
    throw new MissingError("Trying the image out needs namespaces (unshare), which this machine refuses.", { cause });
  });
  if (find("debootstrap") !== null) return;
  await run("apt-get", ["install", "-y", "-qq", "debootstrap"], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  }).catch(() => {
    // Said below.
  });
  if (find("debootstrap") === null)
    throw new MissingError("Trying the image out needs debootstrap: install the package `debootstrap`.");
}

function find(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}
