import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { NatsServer } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { writeConfig } from "./support/config-file.ts";
import { carillon } from "./support/run.ts";

const TWO_APPS = `
apps:
  - { id: "1", key: first-key, secrets: [a-secret-of-the-first] }
  - { id: "2", key: second-key, secrets: [a-secret-of-the-second], token: { required: true } }
`;

/** Arguments that lead `carillon check` to processes. */
function at(gateway: CarillonProcess, publisher: CarillonProcess): string[] {
  return ["check", "--url", gateway.webSocketUrl, "--publish-url", publisher.url];
}

describe("carillon check", () => {
  test("goes the whole way through a gateway and a publisher, for each app, and ends with 0", async () => {
    await using nats = await NatsServer.start();
    const config = await writeConfig(TWO_APPS);
    const args = ["--config", config, "--nats", nats.url];
    await using gateway = await CarillonProcess.start("gateway", args);
    await using publisher = await CarillonProcess.start("publisher", args);

    const first = await carillon([...at(gateway, publisher), "--config", config]);
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^(ok {4}.*\n){4}$/) });
    // This one's app wants a token on every connection.
    expect(await carillon([...at(gateway, publisher), "--config", config, "--app", "2"])).toMatchObject({ code: 0 });
    expect(await gateway.metric("carillon_connections")).toBe(0);
  });

  test("without a configuration it is the development app's", async () => {
    await using dev = await CarillonProcess.start("dev");
    expect(await carillon(at(dev, dev))).toMatchObject({ code: 0 });
  });

  test("names the step that failed: nobody there, the wrong app, a publisher that refuses", async () => {
    await using dev = await CarillonProcess.start("dev");
    const config = await writeConfig(TWO_APPS);
    const nobody = ["check", "--url", "ws://127.0.0.1:1/ws", "--timeout", "1"];
    expect(await carillon(nobody)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^BAD {3}connect to 127\.0\.0\.1:1: .*ECONNREFUSED/),
    });
    const stranger = await carillon([...at(dev, dev), "--config", config]);
    expect(stranger).toMatchObject({ code: 1, stdout: expect.stringMatching(/^BAD {3}connect/) });
    await using refusing = await answeringWith(503);
    const refused = await carillon(["check", "--url", dev.webSocketUrl, "--publish-url", refusing.url]);
    expect(refused).toMatchObject({ code: 1, stdout: expect.stringMatching(/\nBAD {3}publish at .*HTTP 503/) });
  });

  test("says so when the event never comes: two installations that don't know each other", async () => {
    await using one = await CarillonProcess.start("dev");
    await using other = await CarillonProcess.start("dev");
    const outcome = await carillon([...at(one, other), "--timeout", "2"]);
    expect(outcome).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/\nBAD {3}receive the event: nothing came/),
    });
  });

  test("64 › a URL of another kind, with the right one", async () => {
    const outcome = await carillon(["check", "--url", "http://127.0.0.1/ws"]);
    expect(outcome).toMatchObject({ code: 64, stderr: expect.stringContaining("ws:// or wss://") });
  });
});

/** A server that answers everything with one status. */
async function answeringWith(status: number): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((_request, response) => response.writeHead(status).end());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
