import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { NatsServer } from "@carillon/testkit";
import { megabytesOf, REPOSITORY, run } from "./files.ts";
import { buildImage, type Image } from "./image-build.ts";
import { assertCanBuild, MissingError } from "./needs.ts";
import { trialsOf } from "./trials.ts";

const CONFIG = `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
gateway: { drain: { delaySeconds: 0, spreadSeconds: 1 } }
`;

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Builds the image of deploy/Dockerfile without Docker, and tries it out. Exit code 1: something doesn't hold. */
async function main(): Promise<number> {
  const { quick = false } = parseArgs({ options: { quick: { type: "boolean" } } }).values;
  await assertCanBuild();
  const image = await buildImage(join(REPOSITORY, "deploy/Dockerfile"));
  const configFolder = await mkdtemp(join(tmpdir(), "carillon-image-"));
  await using nats = await NatsServer.start({ jetStream: true });
  try {
    await writeFile(join(configFolder, "carillon.yaml"), CONFIG, { mode: 0o644 });
    await run("chmod", ["755", configFolder]);
    const { stdout } = await run(process.execPath, [join(REPOSITORY, "packages/testkit/tools/ensure-nats-server.mjs")]);
    let failed = 0;
    for (const trial of trialsOf({ image, nats, configFolder, natsBinary: stdout.trim(), isQuick: quick })) {
      const startMs = performance.now();
      const verdict = await trial.run().then(
        (seen) => `ok    ${trial.name}: ${seen}`,
        (error: unknown) => `FAIL  ${trial.name}: ${error instanceof Error ? error.message : String(error)}`,
      );
      if (verdict.startsWith("FAIL")) failed++;
      say(`${verdict} (${((performance.now() - startMs) / 1000).toFixed(1)} s)`);
    }
    await reportSize(image);
    return failed === 0 ? 0 : 1;
  } finally {
    await rm(configFolder, { recursive: true, force: true });
  }
}

async function reportSize({ root }: Image): Promise<void> {
  const part = async (path: string) => `${(await megabytesOf(path)).toFixed(0)} MB`;
  const [all, node, app] = await Promise.all([
    part(root),
    part(join(root, "usr/local/bin/node")),
    part(join(root, "app")),
  ]);
  const packages = await part(join(REPOSITORY, "node_modules/uWebSockets.js"));
  say(`size  ${all} unpacked: Node ${node}, Carillon with all packages ${app}, Debian the rest`);
  say(
    `      left out: the other server binaries (${packages} as installed), development packages, npm, types, source maps`,
  );
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof MissingError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
