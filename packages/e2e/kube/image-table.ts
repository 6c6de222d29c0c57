import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdir, symlink } from "node:fs/promises";
import { REPOSITORY, sandboxFolder } from "./sandbox.ts";

/** What stands for an image: a command of this machine. */
export interface LocalImage {
  /** Run before the arguments, unless the pod has a `command`. */
  readonly entrypoint: readonly string[];
  /** Who runs it where the pod doesn't say. */
  readonly user: number;
}

/** Where the executables are inside of a container. */
export const EXECUTABLES = "/opt/bin";

/** Where the repository is inside of a container. */
export const APPLICATION = "/opt/carillon";

const IMAGES: ReadonlyMap<string, LocalImage> = new Map([
  ["carillon", { entrypoint: ["carillon"], user: 65532 }],
  ["nats", { entrypoint: ["nats-server"], user: 0 }],
  ["envoyproxy/envoy", { entrypoint: ["envoy"], user: 101 }],
  ["tools", { entrypoint: ["bash", "-c"], user: 65532 }],
]);

/** A pod wants an image that nothing here stands for. Its reason is what Kubernetes shows. */
export class UnknownImageError extends Error {
  readonly reason = "ErrImagePull";

  constructor(image: string) {
    super(`no local command stands for the image ${image}; known are ${[...IMAGES.keys()].join(", ")}`);
    this.name = "UnknownImageError";
  }
}

/** The local command of an image, whatever its registry, tag and digest. */
export function localImage(image: string): LocalImage {
  const name = image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  for (const [suffix, local] of IMAGES) if (name === suffix || name.endsWith(`/${suffix}`)) return local;
  throw new UnknownImageError(image);
}

/** Collects the executables in a folder that any user may read; answers its path. */
export async function collectExecutables(): Promise<string> {
  const folder = `${sandboxFolder()}/bin`;
  if (existsSync(folder)) return folder;
  await mkdir(folder, { recursive: true });
  const tools = [
    ["nats-server", "packages/testkit/tools/ensure-nats-server.mjs"],
    ["envoy", "packages/testkit/tools/ensure-envoy.mjs"],
  ] as const;
  for (const [name, tool] of tools) {
    const path = execFileSync("node", [`${REPOSITORY}/${tool}`], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    await copyFile(path.trim(), `${folder}/${name}`);
  }
  await copyFile(process.execPath, `${folder}/node`);
  await symlink(`${APPLICATION}/packages/carillon/bin/carillon.js`, `${folder}/carillon`);
  return folder;
}
