import { CLOSE_CODES } from "@carillon/protocol";
import { eventually, HttpClient, RoundRobinProxy } from "@carillon/testkit";
import { historyRules, TestGateway, testApp } from "@carillon/testkit/gateway";
import { describe, expect, test } from "vitest";
import { BreakableBus } from "../support/breakable-bus.ts";
import { GatewayCluster } from "../support/gateway-cluster.ts";

interface PollAnswer {
  readonly session: string;
  readonly frames: readonly Record<string, unknown>[];
  readonly next: number;
  readonly close?: { readonly code: number; readonly reason: string };
}

const QUICK = { keepMs: 1000, bufferBytes: 65_536, maxRelayed: 10 };

async function poll(gateway: TestGateway, query: string): Promise<PollAnswer> {
  const response = await fetch(`${gateway.url}/poll?${query}`);
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as PollAnswer;
}

const send = (gateway: TestGateway, query: string, body: unknown, init: RequestInit = {}) =>
  fetch(`${gateway.url}/send?${query}`, { method: "POST", body: JSON.stringify(body), ...init });

describe("polls", () => {
  test("N66 › begin with the welcome, wait for frames, and repeat what was not acknowledged", async () => {
    await using gateway = await TestGateway.start();
    const first = await poll(gateway, "");
    expect(first).toMatchObject({ next: 1, frames: [{ type: "welcome" }] });
    const { session } = first;
    expect(session).toMatch(/^\d+\.[\w-]{22}$/);
    expect((await send(gateway, `session=${session}`, { type: "subscribe", channel: "a", id: 1 })).status).toBe(204);
    const second = await poll(gateway, `session=${session}&after=1`);
    expect(second).toMatchObject({ session, next: 2, frames: [{ type: "subscribed", id: 1, channel: "a" }] });
    await gateway.publish("a", "e", 1);
    const third = await poll(gateway, `session=${session}&after=2`);
    expect(third.frames).toEqual([{ channel: "a", event: "e", payload: 1 }]);
    // The answer got lost, so it is asked for again.
    await gateway.publish("a", "e", 2);
    await eventually(async () => {
      const again = await poll(gateway, `session=${session}&after=2&wait=0`);
      expect(again).toMatchObject({ next: 4, frames: [{ payload: 1 }, { payload: 2 }] });
    });
    expect(await poll(gateway, `session=${session}&after=4&wait=0`)).toEqual({ session, frames: [], next: 4 });
    expect((await fetch(`${gateway.url}/poll?session=${session}&after=3`)).status).toBe(410);
    expect((await fetch(`${gateway.url}/poll?session=${session}&after=99`)).status).toBe(400);
  });

  test("N66 › a newer poll ends the older, which answers empty", async () => {
    await using gateway = await TestGateway.start();
    const { session } = await poll(gateway, "");
    const older = poll(gateway, `session=${session}&after=1`);
    await eventually(async () => {
      const newer = poll(gateway, `session=${session}&after=1&wait=0`);
      expect(await newer).toEqual({ session, frames: [], next: 1 });
      expect(await Promise.race([older, Promise.resolve(null)])).not.toBeNull();
    });
    expect(await older).toEqual({ session, frames: [], next: 1 });
  });

  test("N67 › a session that nobody fetches from ends after its time, and is then unknown", async () => {
    await using gateway = await TestGateway.start({ settings: { fallback: QUICK } });
    const { session } = await poll(gateway, "channels=a");
    expect(gateway.gateway.subscriptions).toBe(1);
    await eventually(() => expect(gateway.gateway.connections).toBe(0));
    expect(gateway.gateway.fallback?.size).toBe(0);
    const response = await fetch(`${gateway.url}/poll?session=${session}&after=1`);
    expect(response.status).toBe(410);
    expect(await response.json()).toMatchObject({ code: "session_gone" });
    expect((await send(gateway, `session=${session}`, { type: "ping" })).status).toBe(410);
  });

  test("N67 › who was turned away takes nobody's room, however often it comes", async () => {
    const fallback = { ...QUICK, keepMs: 60_000 };
    const apps = [testApp({ allowedOrigins: ["https://shop.example"] })];
    await using gateway = await TestGateway.start({ apps, settings: { maxConnections: 3, fallback } });
    expect(await poll(gateway, "key=nobody")).toMatchObject({ close: { code: 4001 } });
    const headers = { origin: "https://elsewhere.example" };
    expect(await (await fetch(`${gateway.url}/poll`, { headers })).json()).toMatchObject({ close: { code: 4010 } });
    expect(await (await fetch(`${gateway.url}/sse?key=nobody`)).text()).toContain('"code":4001');
    await eventually(() => expect(gateway.gateway.fallback?.size).toBe(0));
    expect((await poll(gateway, "")).frames).toMatchObject([{ type: "welcome" }]);
  });

  test("N66 › whose session has ended takes another connection, which may lead to another gateway", async () => {
    await using gateway = await TestGateway.start();
    const { session, frames } = await poll(gateway, "");
    const target = { kind: "connection", id: String(frames[0]?.["connectionId"]) } as const;
    expect(await gateway.control.disconnect(gateway.apps.first.id, target)).toMatchObject({ count: 1 });
    const response = await fetch(`${gateway.url}/poll?session=${session}&after=1`);
    expect(await response.json()).toMatchObject({ close: { code: CLOSE_CODES.disconnected.code } });
    expect(response.headers.get("connection")).toBe("close");
  });

  test("N70 › who says that it goes is gone at once", async () => {
    await using gateway = await TestGateway.start();
    const { session } = await poll(gateway, "channels=a");
    expect((await send(gateway, `session=${session}&close=1`, [])).status).toBe(204);
    expect([gateway.gateway.connections, gateway.gateway.subscriptions]).toEqual([0, 0]);
    expect(gateway.counters.connectionsClosed.get(1000)).toBe(1);
    expect(await poll(gateway, `session=${session}&after=1`)).toMatchObject({ close: { code: 1000 } });
  });
});

describe("posts", () => {
  test("N68 › a repeat under its number does nothing, a later number than the next is refused", async () => {
    await using gateway = await TestGateway.start();
    const { session } = await poll(gateway, "");
    const ping = (id: number) => ({ type: "ping", id });
    const statuses = [];
    for (const [seq, id] of [
      [1, 1],
      [1, 1],
      [3, 3],
      [2, 2],
      [1, 1],
      [3, 3],
    ]) {
      statuses.push((await send(gateway, `session=${session}&seq=${seq}`, ping(Number(id)))).status);
    }
    expect(statuses).toEqual([204, 204, 409, 204, 204, 204]);
    const { frames } = await poll(gateway, `session=${session}&after=1`);
    expect(frames.map(({ id }) => id)).toEqual([1, 2, 3]);
  });

  test("N68 › several commands in one body, each read as it was written", async () => {
    await using gateway = await TestGateway.start({
      apps: [testApp({ clientEvents: { enabled: true, perSecond: 0 } })],
    });
    await using listener = await HttpClient.open(gateway.url, { transport: "sse" });
    const token = gateway.channelToken(listener.connectionId, "private-a");
    await listener.subscribe("private-a", { token });
    const { session, frames } = await poll(gateway, "");
    const own = gateway.channelToken(String(frames[0]?.["connectionId"]), "private-a");
    const body = ` [ {"type":"subscribe","channel":"private-a","token":"${own}"},
      {"type":"publish","channel":"private-a","event":"client-a","payload": {"n": 1.0, "big":12345678901234567890} } ]`;
    const response = await fetch(`${gateway.url}/send?session=${session}`, { method: "POST", body });
    expect(response.status).toBe(204);
    await listener.events(1);
    expect(listener.receivedText.at(-1)).toContain('"payload":{"n": 1.0, "big":12345678901234567890}');
  });

  test.each([
    ["no session", "", "{}", undefined, 400, "missing_field"],
    ["an unknown session", "session=1.AAAAAAAAAAAAAAAAAAAAAA", "{}", undefined, 410, "session_gone"],
    ["an id that is none", "session=%00", "{}", undefined, 410, "session_gone"],
    ["a bad number", "session=S&seq=-1", "{}", undefined, 400, "invalid_field"],
    ["a broken array", "session=S", '[{"type":"ping"}', undefined, 400, "invalid_json"],
    ["too long a body", "session=S", `"${"x".repeat(1_000_000)}"`, undefined, 413, "message_too_large"],
    ["another media type", "session=S", "a=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type"],
  ])("N68 › %s is refused by name", async (...[, query, body, type, status, code]) => {
    await using gateway = await TestGateway.start();
    const { session } = await poll(gateway, "");
    const response = await fetch(`${gateway.url}/send?${query.replace("=S", `=${session}`)}`, {
      method: "POST",
      body,
      ...(type === undefined ? {} : { headers: { "content-type": type } }),
    });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
  });

  test("N68 › more calls than commands a second get 429 and lose nothing; who never stops is ended", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ limits: { commandsPerSecond: 1 } })] });
    const { session } = await poll(gateway, "");
    let seq = 1;
    const statuses: number[] = [];
    while (statuses.at(-1) !== 429) {
      statuses.push((await send(gateway, `session=${session}&seq=${seq}`, { type: "ping", id: seq })).status);
      if (statuses.at(-1) === 204) seq++;
    }
    await eventually(async () => {
      expect((await send(gateway, `session=${session}&seq=${seq}`, { type: "ping", id: seq })).status).toBe(204);
    });
    const { frames } = await poll(gateway, `session=${session}&after=1`);
    expect(frames.map(({ id }) => id)).toEqual(Array.from({ length: seq }, (_, index) => index + 1));
    // Many at a time: on a busy machine one after the other would be within the limit, or take longer than a session is kept.
    const burst = () =>
      Promise.all(Array.from({ length: 100 }, () => send(gateway, `session=${session}`, { type: "ping" })));
    let ended: number[] = [];
    for (let count = 0; count < 10 && !ended.includes(410); count++)
      ended = (await burst()).map(({ status }) => status);
    expect(ended).toContain(410);
    const last = await poll(gateway, `session=${session}&after=${seq + 1}`);
    expect(last.close).toEqual(CLOSE_CODES.rate_limited);
  });
});

describe("event streams", () => {
  test("N69 › an EventSource alone: channels in the query, and on after a break with what it missed", async () => {
    await using gateway = await TestGateway.start();
    const url = `${gateway.url}/sse?channels=a,b&channel=${encodeURIComponent("c,d")}`;
    const first = await fetch(url, { headers: { origin: "https://example.com" } });
    expect(Object.fromEntries(first.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": expect.stringContaining("no-store"),
      "x-accel-buffering": "no",
      "access-control-allow-origin": "https://example.com",
    });
    await eventually(() => expect(gateway.gateway.subscriptions).toBe(3));
    await first.body?.cancel();
    await using client = HttpClient.connect(gateway.url, { transport: "sse", query: "channels=a,b" });
    expect(await client.nextFrame(({ type }) => type === "subscribed")).toEqual({
      type: "subscribed",
      channels: ["a", "b"],
    });
    await gateway.publish("b", "e", 1);
    await client.events(1);
  });

  test("N69 › a stream that breaks goes on under the same session, from the event that was seen", async () => {
    await using gateway = await TestGateway.start();
    const abort = new AbortController();
    const response = await fetch(`${gateway.url}/sse?channels=a`, { signal: abort.signal });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes('"subscribed"')) text += (await reader?.read())?.value ?? "";
    const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => String(id));
    const session = /"session":"([^"]+)"/.exec(text)?.[1];
    expect(ids).toEqual([`0:${session}`, `1:${session}`, `2:${session}`]);
    abort.abort();
    await eventually(() => expect(gateway.gateway.connections).toBe(1));
    await gateway.publish("a", "e", 1);
    const again = await fetch(`${gateway.url}/sse?channels=a`, { headers: { "last-event-id": String(ids[1]) } });
    const rest = again.body?.pipeThrough(new TextDecoderStream()).getReader();
    let more = "";
    while (!more.includes('"payload":1')) more += (await rest?.read())?.value ?? "";
    expect(more).toContain(`data: {"session":"${session}","resumed":true}`);
    expect([...more.matchAll(/^id: (\d+)/gm)].map(([, id]) => Number(id))).toEqual([1, 2, 3]);
    expect(gateway.gateway.connections).toBe(1);
    await rest?.cancel();
  });

  test("N69 › one whose session is gone begins anew and is told so; who names the session gets 410; who was told to stop, 204", async () => {
    await using gateway = await TestGateway.start();
    const gone = `5:${/\d+/.exec((await poll(gateway, "")).session)?.[0]}.AAAAAAAAAAAAAAAAAAAAAA`;
    const response = await fetch(`${gateway.url}/sse`, { headers: { "last-event-id": gone } });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes('"welcome"')) text += (await reader?.read())?.value ?? "";
    expect(text).toContain('"resumed":false}');
    await reader?.cancel();
    expect((await fetch(`${gateway.url}/sse?session=${gone.slice(2)}&after=5`)).status).toBe(410);
    const unknown = await (await fetch(`${gateway.url}/sse?key=nobody`)).text();
    expect(unknown).toContain('event: close\ndata: {"code":4001,');
    const lastId = [...unknown.matchAll(/^id: (.*)$/gm)].at(-1)?.[1];
    expect(
      (await fetch(`${gateway.url}/sse?key=nobody`, { headers: { "last-event-id": String(lastId) } })).status,
    ).toBe(204);
  });

  test("N69 › on its only channel, one with a history, an EventSource recovers though its session is gone", async () => {
    await using gateways = await GatewayCluster.start(2, { rules: historyRules("kept") });
    const urls = gateways.all.map(({ url }) => url);
    await using proxy = await RoundRobinProxy.start(() => urls);
    await using client = HttpClient.connect(proxy.url, { transport: "sse", query: "channels=kept" });
    await client.nextFrame(({ type }) => type === "subscribed");
    const survivor = gateways.at(1);
    for (const number of [1, 2, 3]) await survivor.publish("kept", "e", number);
    await client.events(3);
    urls.shift();
    await gateways.all.shift()?.[Symbol.asyncDispose]();
    for (const number of [4, 5]) await survivor.publish("kept", "e", number);
    const answer = await client.nextFrame(({ recovered }) => recovered !== undefined);
    expect(answer).toMatchObject({ type: "subscribed", channel: "kept", recovered: true });
    await survivor.publish("kept", "e", 6);
    expect((await client.events(6)).map(({ payload }) => payload)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(client.sessions).toHaveLength(2);
  });

  test("N69 › a gateway that takes nobody in says so in a way that has an EventSource come back", async () => {
    await using gateway = await TestGateway.start({ settings: { maxConnections: 1 } });
    await using _first = await HttpClient.open(gateway.url, { transport: "poll" });
    const full = await fetch(`${gateway.url}/sse`);
    expect([full.status, await full.text()]).toEqual([200, expect.stringContaining('"code":4100')]);
    const poll = await fetch(`${gateway.url}/poll`);
    expect([poll.status, poll.headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^([1-9]|10)$/)]);
    expect(poll.headers.get("connection")).toBe("close");
    expect(gateway.counters.upgradesRefused.get("capacity")).toBe(2);
  });

  test("N70 › a reader whose channels can't be had at the moment is sent away to come back, and isn't left without them", async () => {
    await using gateways = await GatewayCluster.start(1, {}, (backbone) => new BreakableBus(backbone));
    const gateway = gateways.at(0);
    const bus = gateway.bus as BreakableBus;
    bus.isAway = true;
    for (const query of ["channels=a", "channels=a,b"]) {
      const text = await (await fetch(`${gateway.url}/sse?${query}`)).text();
      expect(text).toContain('"code":"bus_unavailable"');
      expect(text).toMatch(/\nretry: 10000\nid: \nevent: close\ndata: \{"code":4100/);
    }
    bus.isAway = false;
    await using client = await HttpClient.open(gateway.url, { transport: "sse", query: "channels=a,b" });
    await client.nextFrame(({ type }) => type === "subscribed");
    await gateway.publish("b", "e", 1);
    await client.events(1);
    // What no later try makes better is told, and that is all.
    await using other = await HttpClient.open(gateway.url, { transport: "sse", query: "channels=private-a" });
    await other.nextFrame(({ code }) => code === "token_required");
    expect(await other.request({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  test("N71 › a stream whose client says nothing is ended now and then, and the client that comes back misses nothing", async () => {
    await using gateway = await TestGateway.start({ settings: { idleTimeoutSeconds: 8 } });
    await using client = await HttpClient.open(gateway.url, { transport: "sse", query: "channels=a" });
    await eventually(() => expect(client.fetches).toBe(2), { timeoutMs: 15_000 });
    await gateway.publish("a", "e", 1);
    await client.events(1);
    expect(client.sessions).toHaveLength(1);
  });
});

describe("browsers", () => {
  test("N72 › pages of other origins than the app's can't speak for a session; a preflight is answered", async () => {
    await using gateway = await TestGateway.start({ apps: [testApp({ allowedOrigins: ["https://example.com"] })] });
    const origin = "https://example.com";
    const { session } = (await (await fetch(`${gateway.url}/poll`, { headers: { origin } })).json()) as PollAnswer;
    for (const [path, method] of [
      [`poll?session=${session}&after=1&wait=0`, "GET"],
      [`sse?session=${session}&after=1`, "GET"],
      [`send?session=${session}`, "POST"],
    ]) {
      const response = await fetch(`${gateway.url}/${path}`, {
        method: String(method),
        headers: { origin: "https://evil.example" },
      });
      expect([path, response.status]).toEqual([path, 403]);
      expect(await response.json()).toMatchObject({ code: "forbidden" });
    }
    const fine = await fetch(`${gateway.url}/poll?session=${session}&after=1&wait=0`, { headers: { origin } });
    expect([fine.status, fine.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
    const preflight = await fetch(`${gateway.url}/send`, { method: "OPTIONS", headers: { origin } });
    expect([preflight.status, preflight.headers.get("access-control-allow-methods")]).toEqual([204, "GET, POST"]);
    expect((await fetch(`${gateway.url}/poll`, { method: "HEAD" })).status).toBe(200);
    expect(gateway.gateway.connections).toBe(1);
  });
});

describe("any call at any gateway", () => {
  test.each(["sse", "poll"] as const)("%s › a session of one gateway is served by another", async (transport) => {
    await using gateways = await GatewayCluster.start(2);
    const [owner, other] = [gateways.at(0), gateways.at(1)];
    await using publisher = await HttpClient.open(owner.url, { transport: "poll" });
    const { session } = await poll(owner, "channels=a");
    expect((await send(other, `session=${session}&seq=1`, { type: "ping", id: 1 })).status).toBe(204);
    expect(await poll(other, `session=${session}&after=2`)).toMatchObject({
      next: 3,
      frames: [{ type: "pong", id: 1 }],
    });
    expect((await send(other, `session=${session}&seq=3`, {})).status).toBe(409);
    if (transport === "poll") {
      const waiting = poll(other, `session=${session}&after=3`);
      await eventually(() => expect(other.gateway.fallback?.relayed).toBe(1));
      await owner.publish("a", "e", "x".repeat(50_000));
      expect((await waiting).frames).toEqual([{ channel: "a", event: "e", payload: "x".repeat(50_000) }]);
    } else {
      const abort = new AbortController();
      const response = await fetch(`${other.url}/sse?session=${session}&after=3`, { signal: abort.signal });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (const number of [1, 2, 3]) {
        await owner.publish("a", "e", number);
        while (!text.includes(`"payload":${number}`)) text += (await reader?.read())?.value ?? "";
      }
      expect(text.match(/^id: \d+/gm)).toEqual(["id: 3", "id: 4", "id: 5", "id: 6"]);
      abort.abort();
    }
    await eventually(() => expect(other.gateway.fallback?.relayed).toBe(0));
    expect([owner.gateway.connections, other.gateway.connections]).toEqual([2, 0]);
    expect(publisher.frames).toHaveLength(1);
  });

  test("a poll whose client leaves is taken back at the owner, and the session ends in its time", async () => {
    await using gateways = await GatewayCluster.start(2, { settings: { fallback: QUICK } });
    const [owner, other] = [gateways.at(0), gateways.at(1)];
    const { session } = await poll(owner, "");
    const abort = new AbortController();
    const waiting = fetch(`${other.url}/poll?session=${session}&after=1`, { signal: abort.signal });
    await eventually(() => expect(other.gateway.fallback?.relayed).toBe(1));
    abort.abort();
    await expect(waiting).rejects.toThrow();
    await eventually(() => expect(other.gateway.fallback?.relayed).toBe(0), { timeoutMs: 2000 });
    await eventually(() => expect(owner.gateway.connections).toBe(0), { timeoutMs: 5000 });
  });

  test("a gateway that is cut off from the session's has its client call again, and the session goes on", async () => {
    await using gateways = await GatewayCluster.start(2, {}, (backbone) => new BreakableBus(backbone));
    const [owner, other] = [gateways.at(0), gateways.at(1)];
    const bus = other.bus as BreakableBus;
    const { session } = await poll(owner, "");
    const waiting = fetch(`${other.url}/poll?session=${session}&after=1`);
    await eventually(() => expect(other.gateway.fallback?.relayed).toBe(1));
    bus.isAway = true;
    expect((await waiting).status).toBe(503);
    expect((await fetch(`${other.url}/poll?session=${session}&after=1`)).status).toBe(503);
    expect((await send(other, `session=${session}`, { type: "ping" })).status).toBe(503);
    // A reader that can do nothing but show the last event's id isn't told another one, so it shows the same again.
    const resume = (signal: AbortSignal | null = null) =>
      fetch(`${other.url}/sse`, { headers: { "last-event-id": `1:${session}` }, signal });
    expect(await (await resume()).text()).toMatch(/^retry: \d+\n:\n\n$/);
    bus.isAway = false;
    const abort = new AbortController();
    const reader = (await resume(abort.signal)).body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toContain(`{"session":"${session}","resumed":true}`);
    abort.abort();
  });

  test("no more calls are relayed than may be: 503, and those under way are served", async () => {
    await using gateways = await GatewayCluster.start(2, { settings: { fallback: { ...QUICK, maxRelayed: 2 } } });
    const [owner, other] = [gateways.at(0), gateways.at(1)];
    const sessions = await Promise.all([1, 2, 3].map(() => poll(owner, "channels=a")));
    const waiting = sessions.slice(0, 2).map(({ session, next }) => poll(other, `session=${session}&after=${next}`));
    await eventually(() => expect(other.gateway.fallback?.relayed).toBe(2));
    const third = await fetch(`${other.url}/poll?session=${sessions[2]?.session}&after=2`);
    expect([third.status, ((await third.json()) as { code: string }).code]).toEqual([503, "overloaded"]);
    await owner.publish("a", "e", 1);
    expect((await Promise.all(waiting)).map(({ frames }) => frames.length)).toEqual([1, 1]);
  });

  test("an owner that has left, and one that never was, are told as gone at once", async () => {
    await using gateways = await GatewayCluster.start(2);
    const { session } = await poll(gateways.at(0), "");
    await gateways.at(0)[Symbol.asyncDispose]();
    const other = gateways.at(1);
    for (const id of [session, "123.AAAAAAAAAAAAAAAAAAAAAA"]) {
      const began = performance.now();
      const response = await fetch(`${other.url}/poll?session=${id}&after=1`);
      expect(response.status).toBe(410);
      expect(performance.now() - began).toBeLessThan(3000);
    }
    gateways.all.shift();
  });
});

describe("hostile", () => {
  test("a thousand aborted polls, streams and guesses leave nothing behind", async () => {
    await using gateway = await TestGateway.start({ settings: { fallback: QUICK } });
    for (let round = 0; round < 25; round++) {
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const abort = new AbortController();
          const { session } = await poll(gateway, "channels=a,b");
          const path = index % 2 === 0 ? `poll?session=${session}&after=2` : `sse?session=${session}&after=2`;
          const call = fetch(`${gateway.url}/${path}`, { signal: abort.signal });
          await fetch(`${gateway.url}/poll?session=${session.slice(0, -3)}AAA&after=0`);
          abort.abort();
          await call.catch(() => undefined);
        }),
      );
    }
    await eventually(
      () =>
        expect([
          gateway.gateway.connections,
          gateway.gateway.subscriptions,
          gateway.gateway.channels,
          gateway.gateway.fallback?.size,
          gateway.gateway.fallback?.relayed,
        ]).toEqual([0, 0, 0, 0, 0]),
      { timeoutMs: 15_000 },
    );
    expect(gateway.counters.connectionsOpened).toBe(1000);
  });
});
