import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { pack } from "./pack.mjs";
import { COMMAND, LISTEN, USE, WEB_WORKER, WORKERD } from "./programs.mjs";
import { RunningServer } from "./running-server.mjs";
import { askWebWorker } from "./web-worker.mjs";
import { askWorker } from "./workerd.mjs";
import { install, run } from "./workshop.mjs";

/** Both have their programs in packages of npm, which only this wants. */
const RUNTIMES = ["deno@2.9.6", "bun@1.4.5"];
const HEARD = "heard 7 by websocket";
/** Without a WebSocket of its own, as in Node 20, the next transport is the right one. */
const HEARD_BY_NODE = typeof WebSocket === "undefined" ? "heard 7 by sse" : HEARD;

/**
 * Client and server SDK, packed and installed, in Node, Deno, Bun and workerd, and the client in a Web Worker in Chromium: each
 * connects to an installed `carillon dev`, subscribes, and hears what is published.
 */
export async function testRuntimes(into) {
  const tarballs = [];
  for (const folder of ["client", "server", "carillon"]) tarballs.push((await pack(folder, into)).tarball);
  const folder = await install([...tarballs, ...RUNTIMES], into);
  // Its program is put in place by the script that `--ignore-scripts` left out.
  await run(process.execPath, ["install.js"], join(folder, "node_modules/bun"));
  const files = { listen: LISTEN, use: USE, command: COMMAND, worker: WORKERD, "web-worker": WEB_WORKER };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, `${name}.mjs`), text);
  const server = await RunningServer.start(folder);
  try {
    for (const [name, heard] of Object.entries(ways(folder, server.url))) {
      const said = (await heard()).trim();
      if (said !== (name === "Node" ? HEARD_BY_NODE : HEARD)) throw new Error(`${name}: ${said}`);
      console.log(`runtimes  ${name}: ${said}`);
    }
  } finally {
    await server.stop();
  }
  return "the client hears what the server SDK publishes";
}

/** What resolves with what a runtime's program says, by the runtime's name. */
function ways(folder, host) {
  const command = async (program, ...args) => {
    const { stdout } = await run(program, [...args, "command.mjs", host], folder);
    return stdout;
  };
  const installed = (name) => join(folder, "node_modules/.bin", name);
  return {
    Node: () => command(process.execPath),
    // `--no-prompt`: what isn't allowed is an error, not a question.
    Deno: () => command(installed("deno"), "run", "--no-prompt", "--node-modules-dir=manual", "--allow-net"),
    Bun: () => command(installed("bun"), "run"),
    workerd: async () => askWorker(await bundle(folder, "worker.mjs"), { folder, body: host }),
    "Web Worker": async () =>
      askWebWorker(await bundle(folder, "web-worker.mjs"), { host, publish: () => publish(host) }),
  };
}

async function bundle(folder, name) {
  const made = await rolldown({ input: join(folder, name), platform: "browser", logLevel: "silent" });
  const { output } = await made.generate({ format: "esm" });
  await made.close();
  return output[0].code;
}

async function publish(host) {
  const answer = await fetch(`${host}/publish`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-publish-secret": "guide-secret" },
    body: JSON.stringify({ channel: "orders", event: "order.created", payload: { id: 7 } }),
  });
  if (answer.status !== 204) throw new Error(`published: ${answer.status}`);
}
