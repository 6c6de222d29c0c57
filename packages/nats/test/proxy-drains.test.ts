import { BusUnavailableError, type ProxyDrainAnswer, type ProxyDrainRequest } from "@carillon/core";
import { NatsServer } from "@carillon/testkit";
import fc from "fast-check";
import { connect } from "nats";
import { describe, expect, it } from "vitest";
import { connectNatsBus, type NatsBus } from "../src/index.ts";
import { decodeProxyDrain, decodeProxyDrainAnswer } from "../src/proxy-drain-wire.ts";

const REQUEST: ProxyDrainRequest = { via: ["10.0.0.7", "fd00::7"], spreadMs: 20_000, isDryRun: false };

/** A gateway that answers with so many connections, and says who else there is. */
async function gateway(server: NatsServer, answer: ProxyDrainAnswer) {
  const bus = await connectNatsBus({ servers: [server.url] });
  const asked: ProxyDrainRequest[] = [];
  bus.proxyDrains.listen((request) => {
    asked.push(request);
    return answer;
  });
  const standing = await connect({ servers: server.url });
  // Its own connection has told the server of the interest by now.
  await bus.publish({ appId: "1", channel: "a" }, new Uint8Array([1]));
  await standing.close();
  return { asked, [Symbol.asyncDispose]: () => bus.close() };
}

async function operator(server: NatsServer): Promise<NatsBus & AsyncDisposable> {
  const bus = await connectNatsBus({ servers: [server.url], inboxPrefix: "_INBOX_proxy" });
  return Object.assign(bus, { [Symbol.asyncDispose]: () => bus.close() });
}

describe("NatsProxyDrains", () => {
  it("asks all gateways, and adds up what they say", async () => {
    await using server = await NatsServer.start();
    await using one = await gateway(server, { nodeId: "1", gateways: ["1", "2"], connections: 3 });
    await using two = await gateway(server, { nodeId: "2", gateways: ["1", "2"], connections: 4 });
    await using asking = await operator(server);
    expect(await asking.proxyDrains.request(REQUEST, 10_000)).toEqual({ connections: 7, gateways: 2, missing: [] });
    expect([one.asked, two.asked]).toEqual([[REQUEST], [REQUEST]]);
  });

  it("names the gateways that others know and that don't answer in time", async () => {
    await using server = await NatsServer.start();
    await using _one = await gateway(server, { nodeId: "1", gateways: ["1", "2"], connections: 3 });
    await using asking = await operator(server);
    expect(await asking.proxyDrains.request(REQUEST, 200)).toEqual({ connections: 3, gateways: 1, missing: ["2"] });
  });

  it("doesn't wait where nobody listens", async () => {
    await using server = await NatsServer.start();
    await using asking = await operator(server);
    expect(await asking.proxyDrains.request(REQUEST, 60_000)).toEqual({ connections: 0, gateways: 0, missing: [] });
  });

  it("rejects where NATS permits neither the question nor the answers", async () => {
    const user = (permissions: object) => ({
      config: { authorization: { users: [{ user: "proxy", password: "sesame", permissions }] } },
    });
    for (const permissions of [
      { publish: ["other"], subscribe: [">"] },
      { publish: ["carillon.drain"], subscribe: ["other"] },
    ]) {
      await using server = await NatsServer.start(user(permissions));
      const auth = { kind: "user", user: "proxy", password: "sesame" } as const;
      const bus = await connectNatsBus({ servers: [server.url], auth });
      await expect(bus.proxyDrains.request(REQUEST, 60_000)).rejects.toThrow(BusUnavailableError);
      await bus.close();
    }
  });

  it("a gateway answers on inboxes alone: nobody can have it publish on a channel", async () => {
    await using server = await NatsServer.start();
    await using one = await gateway(server, { nodeId: "1", gateways: ["1"], connections: 0 });
    const stranger = await connect({ servers: server.url });
    const heard: string[] = [];
    stranger.subscribe(">", { callback: (_error, { subject }) => heard.push(subject) });
    const body = Buffer.from(JSON.stringify(REQUEST));
    stranger.publish("carillon.drain", body, { reply: "carillon.pub.1.00.news" });
    stranger.publish("carillon.drain", body);
    stranger.publish("carillon.drain", Buffer.from("{"), { reply: "_INBOX.x" });
    stranger.publish("carillon.drain", body, { reply: "_INBOX.last" });
    await expect.poll(() => heard.at(-1)).toBe("_INBOX.last");
    expect(heard.filter((subject) => subject !== "carillon.drain")).toEqual(["_INBOX.last"]);
    expect(one.asked).toEqual([REQUEST]);
    await stranger.close();
  });
});

describe("the wire of proxy drains", () => {
  it("brings requests and answers as they are", () => {
    const request = fc.record({
      via: fc.array(fc.string(), { maxLength: 100 }),
      spreadMs: fc.integer({ min: 0, max: 3_600_000 }),
      isDryRun: fc.boolean(),
    });
    const answer = fc.record({ nodeId: fc.string(), gateways: fc.array(fc.string()), connections: fc.nat() });
    const wire = (value: unknown) => Buffer.from(JSON.stringify(value));
    fc.assert(
      fc.property(request, answer, (asked, said) => {
        expect(decodeProxyDrain(wire(asked))).toEqual(asked);
        expect(decodeProxyDrainAnswer(wire(said))).toEqual(said);
      }),
    );
  });

  it("never throws, whatever comes, and takes nothing beyond its bounds", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(decodeProxyDrain(bytes)).toSatisfy((each: unknown) => each === null || typeof each === "object");
          expect(decodeProxyDrainAnswer(bytes)).toSatisfy((each: unknown) => each === null || typeof each === "object");
        },
      ),
    );
    const refused = [
      { ...REQUEST, spreadMs: 3_600_001 },
      { ...REQUEST, spreadMs: -1 },
      { ...REQUEST, spreadMs: 0.5 },
      { ...REQUEST, via: "10.0.0.7" },
      { ...REQUEST, via: Array(101).fill("10.0.0.7") },
    ];
    for (const each of refused) expect(decodeProxyDrain(Buffer.from(JSON.stringify(each)))).toBeNull();
  });
});
