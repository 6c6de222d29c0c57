import type { ServerResponse } from "node:http";
import { MemoryWebhookQueue } from "@carillon/core";
import { systemClock } from "@carillon/service";
import { eventually, TestEndpoint } from "@carillon/testkit";
import { describe, expect, it } from "vitest";
import { appWith, endpointAt, entry, RunningWorker } from "./support/running-worker.ts";

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
const idsOf = (events: readonly { readonly id: string }[]) => events.map(({ id }) => id);

describe("worker", () => {
  it("puts events together, up to the batch's size, in their order", async () => {
    await using endpoint = await TestEndpoint.start();
    await using running = new RunningWorker(appWith(endpointAt(endpoint.url)), {
      settings: { batch: { events: 10, bytes: 100_000, waitMs: 50 } },
    });
    const ids = numbers(25).map(String);
    await running.queue.enqueue(ids.map((id) => entry(id)));
    await eventually(() => expect(endpoint.events).toHaveLength(25));
    expect(idsOf(endpoint.events)).toEqual(ids);
    expect(endpoint.taken.map(({ events }) => events.length)).toEqual([10, 10, 5]);
    expect(endpoint.events[0]).toEqual({
      name: "client_event",
      channel: "private-c",
      event: "client-e",
      data: "data of 0",
      socket_id: "1.2",
      id: "0",
    });
    await eventually(async () => expect((await running.queue.stats()).queued).toBe(0));
    expect(running.worker.counters.delivered).toBe(25);
    expect([...running.worker.counters.attempts]).toEqual([["delivered", 3]]);
  });

  it("with batches of one, each event is a request of its own", async () => {
    await using endpoint = await TestEndpoint.start();
    await using running = new RunningWorker(appWith(endpointAt(endpoint.url)), {
      settings: { batch: { events: 1, bytes: 100_000, waitMs: 1000 } },
    });
    await running.queue.enqueue(numbers(5).map((id) => entry(String(id))));
    await eventually(() => expect(endpoint.taken.map(({ events }) => idsOf(events))).toHaveLength(5));
    expect(idsOf(endpoint.events)).toEqual(["0", "1", "2", "3", "4"]);
  });

  it.each(["hang", "cut", 500, 404, 302] as const)(
    "an endpoint that answers %s is tried again until it answers 2xx; the order holds",
    async (trouble) => {
      await using endpoint = await TestEndpoint.start();
      let failures = 3;
      endpoint.behave = () => (failures-- > 0 ? trouble : 204);
      await using running = new RunningWorker(appWith(endpointAt(endpoint.url)), {
        settings: { timeoutMs: trouble === "hang" ? 300 : 5000 },
      });
      const ids = numbers(12).map(String);
      await running.queue.enqueue(ids.map((id) => entry(id)));
      await eventually(() => expect(endpoint.distinctEvents).toHaveLength(12));
      expect(idsOf(endpoint.distinctEvents)).toEqual(ids);
      // A redirect is not followed, so each request is one of the worker's own attempts.
      expect(endpoint.requests).toHaveLength(endpoint.taken.length + 3);
    },
  );

  it("after a failure the first event goes alone, so one that can't be taken holds up nothing but its lane", async () => {
    await using endpoint = await TestEndpoint.start();
    endpoint.behave = ({ events }) => (events.some(({ id }) => id === "bad") ? 500 : 200);
    await using running = new RunningWorker(appWith(endpointAt(endpoint.url)));
    await running.queue.enqueue(["good", "bad", "behind"].map((id) => entry(id)));
    await running.queue.enqueue(numbers(20).map((index) => entry(`other-${index}`, `private-${index}`)));
    await eventually(() => expect(endpoint.requests.length).toBeGreaterThan(12));
    expect(idsOf(endpoint.events)).toContain("good");
    expect(idsOf(endpoint.events)).not.toContain("behind");
    expect(endpoint.events.filter(({ id }) => id.startsWith("other")).length).toBeGreaterThan(8);
  });

  it("an endpoint that is down holds up no other one", async () => {
    await using good = await TestEndpoint.start();
    await using bad = await TestEndpoint.start();
    bad.behave = () => "hang";
    const app = appWith(endpointAt(good.url), endpointAt(bad.url, { id: "bad" }));
    await using running = new RunningWorker(app, { settings: { timeoutMs: 300 } });
    await running.queue.enqueue(
      numbers(30).flatMap((index) => [
        entry(String(index), `private-${index}`),
        { ...entry(String(index), `private-${index}`), endpointId: "bad" },
      ]),
    );
    await eventually(() => expect(good.events).toHaveLength(30));
    expect(bad.taken).toEqual([]);
  });

  it("endpoints on one host are apart as well: one that hangs takes no connections of another", async () => {
    await using server = await TestEndpoint.start();
    const hanging: ServerResponse[] = [];
    server.behave = ({ events }) =>
      events[0]?.channel.startsWith("private-bad") ? (response) => void hanging.push(response) : 200;
    const app = appWith(endpointAt(server.url), endpointAt(`${server.url}/bad`, { id: "bad" }));
    await using running = new RunningWorker(app, { settings: { timeoutMs: 60_000 } });
    await running.queue.enqueue(
      numbers(30).map((index) => ({ ...entry(String(index), `private-bad-${index}`), endpointId: "bad" })),
    );
    await eventually(() => expect(hanging).toHaveLength(4));
    await running.queue.enqueue(numbers(30).map((index) => entry(String(index), `private-${index}`)));
    await eventually(() => expect(server.events).toHaveLength(30));
    server.behave = () => 200;
    for (const response of hanging) response.end();
  });

  it("an answer that never ends is taken by its status; its connection counts until the end of the time", async () => {
    await using endpoint = await TestEndpoint.start();
    endpoint.behave = () => (response) => void response.writeHead(200).write("so ");
    await using running = new RunningWorker(appWith(endpointAt(endpoint.url)), {
      settings: { timeoutMs: 300, batch: { events: 1, bytes: 100_000, waitMs: 0 } },
    });
    await running.queue.enqueue(numbers(12).map((index) => entry(String(index), `private-${index}`)));
    await eventually(() => expect(running.worker.counters.delivered).toBe(12));
    expect(endpoint.requests).toHaveLength(12);
    expect(endpoint.maxOpen).toBeLessThanOrEqual(4);
  });

  it("one endpoint gets no more requests at a time than allowed", async () => {
    await using endpoint = await TestEndpoint.start();
    const open: (() => void)[] = [];
    endpoint.behave = () => (response) => void open.push(() => response.writeHead(200).end());
    await using running = new RunningWorker(appWith(endpointAt(endpoint.url)), { settings: { concurrency: 2 } });
    await running.queue.enqueue(numbers(40).map((index) => entry(String(index), `private-${index}`)));
    while (endpoint.requests.reduce((sum, { events }) => sum + events.length, 0) < 40) {
      await eventually(() => expect(open.length).toBeGreaterThan(0));
      open.shift()?.();
    }
    for (const end of open) end();
    expect(endpoint.maxOpen).toBe(2);
  });

  it("gives up after the horizon: a dead letter with the reason, and a line of log without what was in it", async () => {
    await using endpoint = await TestEndpoint.start();
    endpoint.behave = ({ events }) => (events.some(({ id }) => id.startsWith("old")) ? 503 : 200);
    await using running = new RunningWorker(appWith(endpointAt(endpoint.url)), {
      settings: { retry: { firstMs: 20, maxMs: 100, horizonMs: 60_000 } },
    });
    const longAgo = Date.now() - 61_000;
    await running.queue.enqueue([
      entry("old-1", "private-c", longAgo),
      entry("old-2", "private-c", longAgo),
      entry("new"),
    ]);
    await eventually(() => expect(idsOf(endpoint.events)).toEqual(["new"]));
    const letters = await running.queue.dead({ after: 0, limit: 10 });
    expect(letters.map(({ entry: { id }, reason }) => [id, reason])).toEqual([
      ["old-1", "expired"],
      ["old-2", "expired"],
    ]);
    expect(running.worker.counters.dead).toBe(2);
    expect(running.log()).toContain('"event":"webhook_dead"');
    expect(running.log()).toContain('"ids":["old-1"]');
    expect(running.log()).not.toContain("data of");
  });

  it("an event that waited a day is tried once before it is given up", async () => {
    await using endpoint = await TestEndpoint.start();
    await using running = new RunningWorker(appWith(endpointAt(endpoint.url)));
    await running.queue.enqueue([entry("1", "private-c", Date.now() - 86_400_000)]);
    await eventually(() => expect(idsOf(endpoint.events)).toEqual(["1"]));
  });

  it("two workers share the work and keep the order of each channel", async () => {
    await using endpoint = await TestEndpoint.start();
    let count = 0;
    endpoint.behave = () => (count++ % 5 === 0 ? 500 : 200);
    const queue = new MemoryWebhookQueue({ clock: systemClock });
    const app = appWith(endpointAt(endpoint.url));
    await using one = new RunningWorker(app, { queue });
    await using two = new RunningWorker(app, { queue });
    const all = numbers(200).map((index) => entry(String(index), `private-${index % 10}`));
    await queue.enqueue(all);
    await eventually(() => expect(endpoint.events).toHaveLength(200));
    for (const channel of numbers(10).map((index) => `private-${index}`)) {
      const ofChannel = (events: readonly { id: string; channel: string }[]) =>
        idsOf(events.filter((event) => event.channel === channel));
      expect(ofChannel(endpoint.events)).toEqual(ofChannel(all.map(({ id, event }) => ({ id, ...event }))));
    }
    await eventually(() => expect(one.worker.counters.delivered + two.worker.counters.delivered).toBe(200));
    expect(one.worker.counters.delivered).toBeGreaterThan(0);
    expect(two.worker.counters.delivered).toBeGreaterThan(0);
  });

  it("a reload adds endpoints, and what is queued for removed ones becomes dead letters", async () => {
    await using first = await TestEndpoint.start();
    await using second = await TestEndpoint.start();
    await using running = new RunningWorker(appWith(endpointAt(first.url)));
    await running.queue.enqueue([entry("1")]);
    await eventually(() => expect(idsOf(first.events)).toEqual(["1"]));
    running.apps.reload([appWith(endpointAt(second.url, { id: "second" }))]);
    await running.queue.enqueue([entry("2"), { ...entry("2"), endpointId: "second" }]);
    await eventually(() => expect(idsOf(second.events)).toEqual(["2"]));
    await eventually(async () =>
      expect(await running.queue.dead({ after: 0, limit: 10 })).toMatchObject([{ reason: "endpoint_removed" }]),
    );
    expect(first.events).toHaveLength(1);
  });

  it("stop waits for what is under way, and takes nothing more", async () => {
    await using endpoint = await TestEndpoint.start();
    let end: () => void = () => undefined;
    endpoint.behave = () => (response) => {
      end = () => response.writeHead(200).end();
    };
    const running = new RunningWorker(appWith(endpointAt(endpoint.url)));
    await running.queue.enqueue([entry("1")]);
    await eventually(() => expect(endpoint.requests).toHaveLength(1));
    await running.queue.enqueue([entry("2")]);
    const stopped = running.worker.stop();
    end();
    await stopped;
    expect((await running.queue.stats()).queued).toBe(1);
    expect(endpoint.requests).toHaveLength(1);
  });
});
