import { createHmac } from "node:crypto";
import { eventually, NativeClient, NatsServer } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { writeConfig } from "./support/config-file.ts";

/** Two gateways and two publishers on one NATS, all processes of their own. */
class Cluster {
  readonly #args: readonly string[];
  gateways: CarillonProcess[] = [];
  publishers: CarillonProcess[] = [];

  constructor(args: readonly string[]) {
    this.#args = args;
  }

  async start(): Promise<void> {
    const begin = (role: "gateway" | "publisher") => CarillonProcess.start(role, this.#args);
    this.gateways = await Promise.all([begin("gateway"), begin("gateway")]);
    this.publishers = await Promise.all([begin("publisher"), begin("publisher")]);
  }

  async kill(): Promise<void> {
    await Promise.all([...this.gateways, ...this.publishers].map((process) => process.kill()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  call(publisher: number, method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${this.publishers[publisher]?.url}${path}`, {
      method,
      headers: { "content-type": "application/json", "x-publish-secret": "guide-secret" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  connect(gateway: number, token: string): Promise<NativeClient> {
    return NativeClient.connect(`${this.gateways[gateway]?.webSocketUrl}?token=${token}`);
  }

  /** Whether each gateway lets a token in. */
  async letsIn(token: string): Promise<boolean[]> {
    return Promise.all(
      this.gateways.map(async (_, index) => {
        const client = await this.connect(index, token);
        const first = await client.nextFrame(() => true);
        client.terminate();
        return first["type"] === "welcome";
      }),
    );
  }
}

/** A connection token of the guide's app. */
function tokenOf(sub: string, jti: string): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const exp = Math.floor(Date.now() / 1000) + 600;
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub, jti, exp, cap: {} })}`;
  return `${signed}.${createHmac("sha256", "app-secret").update(signed).digest("base64url")}`;
}

describe("blocks › two gateways and two publishers", () => {
  test("a block on one publisher ends connections everywhere, holds over restarts of everything, and expires by itself", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    await using cluster = new Cluster(["--config", await writeConfig(), "--nats", nats.url]);
    await cluster.start();
    const [ann, bob] = [tokenOf("ann", "1"), tokenOf("bob", "2")];
    const clients = [await cluster.connect(0, ann), await cluster.connect(1, ann), await cluster.connect(1, bob)];
    const [first, second, other] = clients as [NativeClient, NativeClient, NativeClient];
    for (const client of clients) await client.nextFrame(({ type }) => type === "welcome");
    const blocked = await cluster.call(0, "POST", "/blocks", { user: "ann", seconds: 3600 });
    expect(await blocked.json()).toMatchObject({ user: "ann", disconnected: 2, complete: true });
    for (const client of [first, second]) expect((await client.closed).code).toBe(4014);
    expect(await other.request({ type: "ping" })).toMatchObject({ type: "pong" });
    expect(await cluster.letsIn(ann)).toEqual([false, false]);
    expect(await (await cluster.call(1, "GET", "/blocks")).json()).toMatchObject({ blocks: [{ user: "ann" }] });
    expect(cluster.publishers[0]?.log).toContain('"event":"block_added"');
    expect(await cluster.gateways[1]?.metric("carillon_blocked_total")).toBe(2);

    await nats.kill();
    await eventually(async () => {
      const refused = await cluster.call(0, "POST", "/blocks", { user: "bob" });
      expect([refused.status, await refused.json()]).toEqual([
        503,
        expect.objectContaining({ code: "blocks_unavailable" }),
      ]);
    });
    expect(await cluster.letsIn(ann)).toEqual([false, false]);
    await cluster.kill();
    await nats.restart();
    await cluster.start();
    // From the first moment on: the list is loaded before anybody is let in.
    expect(await cluster.letsIn(ann)).toEqual([false, false]);
    expect(await cluster.letsIn(bob)).toEqual([true, true]);

    const shortened = await cluster.call(1, "POST", "/blocks", { user: "ann", seconds: 2 });
    expect(await shortened.json()).toMatchObject({ complete: true });
    expect(await cluster.letsIn(ann)).toEqual([false, false]);
    await eventually(async () => expect(await cluster.letsIn(ann)).toEqual([true, true]));
    expect(await (await cluster.call(0, "GET", "/blocks")).json()).toEqual({ blocks: [] });
    other.terminate();
  }, 90_000);

  test("without JetStream gateways serve and say that nobody can be blocked", async () => {
    await using nats = await NatsServer.start();
    await using cluster = new Cluster(["--config", await writeConfig(), "--nats", nats.url]);
    await cluster.start();
    const ready = await fetch(`${cluster.gateways[0]?.adminUrl}/readyz`);
    const degraded = [expect.stringContaining("JetStream")];
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true, reasons: [], degraded }]);
    expect(await cluster.gateways[0]?.metric("carillon_blocks_available")).toBe(0);
    const refused = await cluster.call(0, "POST", "/blocks", { user: "ann" });
    expect(await refused.json()).toMatchObject({
      code: "blocks_unavailable",
      detail: expect.stringContaining("JetStream"),
    });
    expect(await cluster.letsIn(tokenOf("ann", "1"))).toEqual([true, true]);
  }, 60_000);

  test("a gateway that can't load the list is not ready and takes nobody in", async () => {
    // Whoever may not ask JetStream for the stream gets no answer.
    const denied = { publish: { deny: ["$JS.API.STREAM.INFO.CARILLON_BLOCKS"] } };
    await using strict = await NatsServer.start({
      jetStream: true,
      config: { authorization: { users: [{ user: "u", password: "p", permissions: denied }], timeout: 5 } },
    });
    const config = `
apps: [{ id: "1001", key: app-key, secrets: [app-secret], publishSecret: guide-secret }]
nats: { credentials: { user: u, password: p } }
`;
    await using lost = await CarillonProcess.start("gateway", [
      "--config",
      await writeConfig(config),
      "--nats",
      strict.url,
    ]);
    const ready = await fetch(`${lost.adminUrl}/readyz`);
    const reasons = ["the list of blocks is not loaded yet"];
    expect([ready.status, await ready.json()]).toEqual([503, expect.objectContaining({ ready: false, reasons })]);
    await expect(NativeClient.connect(`${lost.webSocketUrl}?token=${tokenOf("ann", "1")}`)).rejects.toThrow("503");
  }, 60_000);
});
