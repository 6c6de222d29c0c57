import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pack } from "./pack.mjs";
import { RunningServer } from "./running-server.mjs";
import { checkTarball, compile, gateSizes, install, run } from "./workshop.mjs";

/** The servers: an ES module and a program, with our internal packages inside. */
const CARILLON = {
  name: "carillon",
  folder: "carillon",
  profile: "esm-only",
  shipped:
    /^((node_modules\/@carillon\/\w+\/)?(dist\/[\w./-]+\.(js|d\.ts)|package\.json)|bin\/carillon\.js|demo\/[\w.-]+|README\.md|LICENSE)$/,
  limits: { tarball: 600_000, unpacked: 2_200_000 },
};

const USE = `import { startCarillon } from "carillon";
const carillon = await startCarillon({ host: "127.0.0.1", port: 0 });
const origin = carillon.webSocketUrl.replace(/^ws/, "http").replace(/\\/ws$/, "");
const answer = await fetch(origin + "/publish", {
  method: "POST",
  headers: { "content-type": "application/json", "x-publish-secret": "guide-secret" },
  body: JSON.stringify({ channel: "orders", event: "order.created", payload: { id: 1 } }),
});
if (answer.status !== 204) throw new Error("published: " + answer.status);
await carillon.close();
`;

const TYPES = `import { PortInUseError, startCarillon, type RunningCarillon, type StartCarillonOptions } from "carillon";
const options: StartCarillonOptions = { role: "dev", port: 0 };
export const carillon: RunningCarillon = await startCarillon(options);
export const first: string | undefined = carillon.config.apps[0]?.key;
export const error: Error | null = null as PortInUseError | null;
// @ts-expect-error no such role
void startCarillon({ role: "devv" });
`;

/** Packs and installs `carillon` alone, embeds it, compiles against it, and runs its program. */
export async function testServers(into) {
  const packed = await pack(CARILLON.folder, into);
  await checkTarball(packed, CARILLON);
  gateSizes(CARILLON, { tarball: packed.size, unpacked: packed.unpackedSize });
  const folder = await install([packed.tarball, "@types/node@20.19.25"], into);
  await writeFile(join(folder, "use.mjs"), USE);
  await run(process.execPath, ["use.mjs"], folder);
  await writeFile(join(folder, "use.mts"), TYPES);
  for (const [moduleResolution, module] of [
    ["nodenext", "nodenext"],
    ["bundler", "esnext"],
  ]) {
    await compile({ folder, file: "use.mts", moduleResolution, module, types: ["node"] });
  }
  const { stdout: help } = await run("npx", ["--no-install", "carillon", "--help"], folder);
  if (!help.includes("gateway, publish API and demo page in one process")) throw new Error(`no help: ${help}`);
  const server = await RunningServer.start(folder);
  const page = await fetch(server.url).then((answer) => answer.text(), String);
  const code = await server.stop();
  if (!page.includes("<title>")) throw new Error(`the demo page is not there: ${page}`);
  if (code !== 0) throw new Error(`SIGTERM ended it with ${code}`);
  return "packed, installed, embedded, compiled, run by npx and ended by SIGTERM";
}
