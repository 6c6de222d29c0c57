import { eventually, NatsServer, TcpProxy } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import { connectNatsBus } from "../src/index.ts";
import { bytes, connections, listen } from "./support/helpers.ts";

/** Longer than a dial may take: a connection that says nothing is ended by the server after the node has another one. */
const SILENCE_SECONDS = 8;
const CREDENTIALS = { user: "node", password: "secret" } as const;

async function acceptedBy(server: NatsServer): Promise<number> {
  return (await server.monitor<{ total_connections: number }>("/varz")).total_connections;
}

async function names(server: NatsServer): Promise<string[]> {
  return (await connections(server)).map(({ name }) => name).sort();
}

describe("late connect", () => {
  it("a connect that was given up, and is taken after all, ends nothing when it ends; events still come once", async () => {
    await using server = await NatsServer.start({
      config: { authorization: { ...CREDENTIALS, timeout: SILENCE_SECONDS } },
    });
    await using proxy = await TcpProxy.start({ targetPort: () => server.port });
    const auth = { kind: "user", ...CREDENTIALS } as const;
    const node = await connectNatsBus({ servers: [`127.0.0.1:${proxy.port}`], auth, name: "node" });
    const receiver = await listen(node, "app", "c");
    proxy.cut();
    await eventually(() => expect(node.status).toBe("disconnected"));
    // The server counts from zero, so that none counts that was cut.
    await server.kill();
    proxy.freeze();
    await server.restart();
    // The second one is dialed when the first one was given up.
    await eventually(async () => expect(await acceptedBy(server)).toBe(2), { timeoutMs: 20_000 });
    proxy.heal();
    await eventually(() => expect(node.status).toBe("connected"));
    await eventually(async () => expect(await names(server)).toEqual(["node"]), { timeoutMs: 20_000 });
    const publisher = await connectNatsBus({ servers: [server.url], auth, name: "publisher" });
    const texts = ["1", "2", "3"];
    for (const text of texts) await publisher.publish(receiver, bytes(text));
    await eventually(() => expect(receiver.texts).toContain("3"));
    expect(receiver.texts).toEqual(texts);
    expect(node.counters).toMatchObject({ disconnects: 1, reconnects: 1 });
    expect(await names(server)).toEqual(["node", "publisher"]);
    await Promise.all([publisher.close(), node.close()]);
  }, 60_000);
});
