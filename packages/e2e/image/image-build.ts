import { createHash } from "node:crypto";
import { cp, lstat, mkdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { baseRoot, copyRoot } from "./base-roots.ts";
import { BuildContext } from "./build-context.ts";
import { expand, readDockerfile, type Stage, type Step } from "./dockerfile.ts";
import { runEnclosed } from "./enclosure.ts";
import { CACHE, exists, REPOSITORY, run } from "./files.ts";
import { networkOf } from "./network.ts";

/** What came out: the files, and how a runtime is to start them. */
export interface Image {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly ports: readonly string[];
}

// The variables that a builder sets by itself.
const PLATFORM = { TARGETARCH: process.arch === "arm64" ? "arm64" : "amd64", BUILDPLATFORM: "", TARGETPLATFORM: "" };
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What a stage has come to, besides its files. */
interface State {
  env: Record<string, string>;
  labels: Record<string, string>;
  variables: Map<string, string>;
  workdir: string;
  user: string;
  entrypoint: readonly string[];
  command: readonly string[];
  ports: string[];
}

/**
 * Performs the steps of a Dockerfile with the real packages: base images are made of what Debian and npm have, commands run in
 * their root. Kept until the Dockerfile or what it copies changes.
 */
export async function buildImage(dockerfile: string): Promise<Image> {
  const text = await readFile(dockerfile, "utf8");
  const stages = readDockerfile(text);
  const context = await BuildContext.read(REPOSITORY, `${dockerfile}.dockerignore`);
  const key = createHash("sha256")
    .update(text)
    .update(await context.digest())
    .digest("hex")
    .slice(0, 16);
  const target = join(CACHE, "built", key);
  const isBuilt = await exists(target);
  const work = isBuilt ? target : `${target}.${process.pid}`;
  if (!isBuilt) await rm(join(CACHE, "built"), { recursive: true, force: true });
  const build = new Build(context, work, isBuilt);
  const image = await build.perform(stages);
  if (isBuilt) return image;
  await rename(work, target);
  return { ...image, root: image.root.replace(work, target) };
}

class Build {
  readonly #context: BuildContext;
  readonly #folder: string;
  readonly #isBuilt: boolean;
  readonly #roots = new Map<string, string>();

  /** `isBuilt`: the files are there, and only what the instructions say is wanted. */
  constructor(context: BuildContext, folder: string, isBuilt: boolean) {
    this.#context = context;
    this.#folder = folder;
    this.#isBuilt = isBuilt;
  }

  async perform(stages: readonly Stage[]): Promise<Image> {
    let last: Image | null = null;
    for (const [index, stage] of stages.entries()) {
      const isLast = index === stages.length - 1;
      last = await this.#stage(stage, isLast ? "final" : stage.name || String(index));
    }
    if (last === null) throw new Error("the Dockerfile has no stage");
    if (!this.#isBuilt) for (const [name, root] of this.#roots) if (name !== "final") await this.#drop(root);
    return last;
  }

  async #stage({ image, steps }: Stage, name: string): Promise<Image> {
    const isUnchanged = steps.every((step) => step.kind !== "run" && step.kind !== "copy");
    const base = this.#roots.get(image) ?? (this.#isBuilt ? "" : await baseRoot(image));
    const root = isUnchanged ? base : join(this.#folder, name);
    if (!this.#isBuilt && !isUnchanged) await copyRoot(base, root);
    const state: State = {
      env: { PATH: DEFAULT_PATH },
      labels: {},
      variables: new Map(),
      workdir: "/",
      user: "0:0",
      entrypoint: [],
      command: [],
      ports: [],
    };
    for (const step of steps) await this.#step(step, state, root);
    this.#roots.set(name, root);
    const { variables: _, ...rest } = state;
    return { root, ...rest };
  }

  async #step(step: Step, state: State, root: string): Promise<void> {
    const filled = (text: string) => expand(text, (name) => state.env[name] ?? state.variables.get(name) ?? "");
    switch (step.kind) {
      case "arg":
        state.variables.set(step.name, (PLATFORM as Record<string, string>)[step.name] ?? step.value ?? "");
        return;
      case "env":
        state.env[step.name] = filled(step.value);
        return;
      case "label":
        state.labels[step.name] = filled(step.value);
        return;
      case "workdir":
        state.workdir = step.value;
        if (!this.#isBuilt) await mkdir(join(root, step.value), { recursive: true });
        return;
      case "user":
        state.user = step.value;
        return;
      case "entrypoint":
      case "command":
        state[step.kind] = step.words;
        return;
      case "expose":
        state.ports.push(...step.ports);
        return;
      case "copy":
        return this.#isBuilt ? undefined : await this.#copy(step, join(root, resolve(state.workdir, step.to)));
      case "run":
        return this.#isBuilt ? undefined : await this.#run(step, state, root);
      default:
        step satisfies never;
    }
  }

  async #copy({ from, sources, to }: Extract<Step, { kind: "copy" }>, target: string): Promise<void> {
    for (const source of sources) {
      if (from === null) {
        await this.#context.copy(source, target);
        continue;
      }
      const path = join(this.#roots.get(from) ?? "", source);
      const into = to.endsWith("/") ? join(target, basename(source)) : target;
      await mkdir(dirname(into), { recursive: true });
      if ((await lstat(path)).isDirectory()) await copyRoot(path, into);
      else await cp(path, into);
    }
  }

  async #run({ command, caches }: Extract<Step, { kind: "run" }>, state: State, root: string): Promise<void> {
    process.stderr.write(`RUN ${command}\n`);
    const { env, binds } = await networkOf();
    const mounts: Record<string, string> = { ...binds };
    for (const target of caches) {
      const folder = join(CACHE, "mounts", target);
      await mkdir(folder, { recursive: true });
      await mkdir(join(root, target), { recursive: true });
      mounts[target] = folder;
    }
    await runEnclosed({
      root,
      command: ["/bin/sh", "-c", command],
      env: { HOME: "/root", ...Object.fromEntries(state.variables), ...env, ...state.env },
      workdir: state.workdir,
      isReadOnly: false,
      binds: mounts,
    });
  }

  /** What only the build needed. */
  async #drop(root: string): Promise<void> {
    if (root.startsWith(this.#folder)) await run("rm", ["-rf", "--one-file-system", root]);
  }
}

function resolve(workdir: string, path: string): string {
  return path.startsWith("/") ? path : join(workdir, path);
}
