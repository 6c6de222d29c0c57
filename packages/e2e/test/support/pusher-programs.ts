import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How to run one of `packages/e2e/sdks`. */
export interface Program {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

/** By language; null where that is not on this machine. */
export type Programs = Readonly<Record<string, Program | null>>;

const ENSURE_SDKS = fileURLToPath(new URL("../../../testkit/tools/ensure-pusher-sdks.mjs", import.meta.url));

/** The programs on Pusher's libraries for other languages: `sdks` publish and ask over HTTP, `clients` subscribe. */
export function pusherPrograms(): { readonly sdks: Programs; readonly clients: Programs } {
  const answer = execFileSync(process.execPath, [ENSURE_SDKS], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(answer) as { readonly sdks: Programs; readonly clients: Programs };
}

/** What a program needs of this process's environment, and its own. */
export function environmentOf({ env }: Program): Record<string, string | undefined> {
  return { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env };
}
