import { cp, mkdir, mkdtemp, readdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { CACHE, exists, run } from "./files.ts";
import { MissingError } from "./needs.ts";

/** The line of Node that the image ships, as npm's packages of it are asked for. */
const NODE_VERSION = "24";
const NPM_VERSION = "11";

// What the slim variant of Debian's image leaves out.
const NOT_IN_SLIM = [
  "usr/share/doc",
  "usr/share/man",
  "usr/share/info",
  "usr/share/locale",
  "var/lib/apt/lists",
  "var/cache/apt",
];

/**
 * The folder of a base image's files, made from the packages that the image is made of: Debian's by debootstrap, Node's own
 * build from npm. Kept between runs. Nothing in it may be changed.
 */
export async function baseRoot(image: string): Promise<string> {
  if (image === "debian:trixie-slim") return await debian();
  if (image === `node:${NODE_VERSION}-trixie-slim`) return await node();
  throw new MissingError(`There is no stand-in for the image ${image}: packages/e2e/image/base-roots.ts makes them.`);
}

function debian(): Promise<string> {
  return kept("debian-trixie", async (folder) => {
    say("Debian 13 by debootstrap, which takes a minute …");
    await run("debootstrap", ["--variant=minbase", "trixie", folder, await debianMirror()]);
    for (const each of NOT_IN_SLIM) await rm(join(folder, each), { recursive: true, force: true });
  });
}

/** Where apt of this machine gets its packages. */
async function debianMirror(): Promise<string> {
  const { stdout } = await run("apt-get", ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]);
  const mirror = stdout.split("\n").find((each) => /\/debian\/?$/.test(each.trim()));
  if (mirror === undefined)
    throw new MissingError("apt of this machine knows no mirror of Debian to get Debian 13 from (apt-get update?).");
  return mirror.trim();
}

function node(): Promise<string> {
  return kept(`node-${NODE_VERSION}-trixie`, async (folder) => {
    say(`Node ${NODE_VERSION} …`);
    await copyRoot(await debian(), folder);
    const local = join(folder, "usr/local");
    const program = await npmPackage(`node-linux-${process.arch}@${NODE_VERSION}`);
    await cp(join(program, "bin/node"), join(local, "bin/node"));
    const npm = join(local, "lib/node_modules/npm");
    await cp(await npmPackage(`npm@${NPM_VERSION}`), npm, { recursive: true });
    for (const name of ["npm", "npx"])
      await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, "bin", name));
  });
}

/** The folder with what npm has under that name; the newest version that fits. */
async function npmPackage(name: string): Promise<string> {
  const key = name.replaceAll(/[^\w.-]/g, "-");
  return join(
    await kept(`npm-${key}`, async (folder) => {
      await mkdir(folder, { recursive: true });
      const { stdout } = await run("npm", ["view", name, "version", "--json"]);
      const versions = [JSON.parse(stdout) as string | string[]].flat().sort(byVersion);
      const exact = `${name.slice(0, name.lastIndexOf("@"))}@${versions.at(-1)}`;
      await run("npm", ["pack", "--silent", exact, "--pack-destination", folder]);
      const [file] = (await readdir(folder)).filter((each) => each.endsWith(".tgz"));
      await run("tar", ["xzf", join(folder, file ?? ""), "-C", folder]);
    }),
    "package",
  );
}

function byVersion(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}

/** A folder of the cache that `make` fills once, put into place by one rename. */
async function kept(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const target = join(CACHE, name);
  if (await exists(target)) return target;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, "make-"));
  try {
    const fresh = join(folder, "root");
    await make(fresh);
    await rename(fresh, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return target;
}

/** Copies a whole root, with owners, modes and links as they are. */
export async function copyRoot(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await run("cp", ["--archive", "--reflink=auto", `${from}/.`, to]);
}

function say(what: string): void {
  process.stderr.write(`${what}\n`);
}
