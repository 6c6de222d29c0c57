import { eventually, TcpProxy } from "@carillon/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { writeConfig } from "./support/config-file.ts";
import { type FindBlock, readBlocks } from "./support/doc-blocks.ts";
import { PageProgram } from "./support/page-program.ts";
import { pythonSdkEnvironment } from "./support/pusher-sdks.ts";
import { run } from "./support/run.ts";

// Before any test begins, as a first time takes minutes.
const python = pythonSdkEnvironment();

let block: FindBlock;
let carillon: CarillonProcess;
let link: TcpProxy;

beforeAll(async () => {
  block = await readBlocks("docs/pusher.md");
  // The lines about webhooks belong into the app.
  const config = block("yaml", "clientEvents").replace("channels:", `${block("yaml", "member_removed")}channels:`);
  carillon = await CarillonProcess.start("dev", ["--config", await writeConfig(config)]);
  link = await TcpProxy.start({ targetPort: () => Number(new URL(carillon.url).port) });
});

afterAll(async () => {
  await link?.stop();
  await carillon?.[Symbol.asyncDispose]();
});

const at = (port: string | number, code: string) => code.replaceAll("8080", String(port));
const runServer = () =>
  run(process.execPath, ["--input-type=module", "-e", at(new URL(carillon.url).port, block("js", "pusher.trigger"))]);

describe("docs/pusher.md › the examples run as they stand, but for the port", () => {
  test("page, server and plugin: what is published arrives, also what the page missed", async () => {
    const program = [
      block("js", 'new Pusher("app-key"'),
      block("js", "enableRecovery"),
      'channel.bind("pusher:subscription_succeeded", () => console.log("subscribed", recovery.isActive));',
    ];
    await using page = await PageProgram.start(at(link.port, program.join("\n")));
    await eventually(() => expect(page.lines).toEqual(["subscribed true"]));
    expect(await runServer()).toMatchObject({ code: 0, stderr: "" });
    await eventually(() => expect(page.lines).toEqual(["subscribed true", "created 7"]));
    link.cut();
    expect(await runServer()).toMatchObject({ code: 0, stderr: "" });
    link.heal();
    const expected = ["subscribed true", "created 7", "subscribed true", "created 7"];
    await eventually(() => expect(page.lines).toEqual(expected), { timeoutMs: 30_000 });
  });

  // Where Python is not on the machine.
  test.skipIf(python === null)("the server's lines for Python", async () => {
    const port = new URL(carillon.url).port;
    const before = await carillon.metric("carillon_events_published_total");
    const outcome = await run("python3", ["-c", at(port, block("python", "client.trigger"))], python ?? {});
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    expect(await carillon.metric("carillon_events_published_total")).toBe(before + 1);
  });
});
