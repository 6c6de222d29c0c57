import type { TraceContext } from "@carillon/core";
import { eventually, NatsServer } from "@carillon/testkit";
import { connect, headers } from "nats";
import { expect, it } from "vitest";
import { connectNatsBus } from "../src/index.ts";
import { bytes, listen } from "./support/helpers.ts";

const TRACE: TraceContext = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true, state: "one=1" };
const PARENT = `00-${TRACE.traceId}-${TRACE.spanId}-01`;
const ADDRESS = { appId: "app", channel: "traced" };

/** What stands on NATS, message by message: the names of its headers, and the trace's values. */
async function sniff(server: NatsServer) {
  const connection = await connect({ servers: server.url });
  const seen: { names: readonly string[]; parent: string; state: string }[] = [];
  connection.subscribe("carillon.pub.>", {
    callback: (_error, msg) => {
      // The streams of histories have marks of their own.
      if (!msg.subject.endsWith(".traced")) return;
      const names = (msg.headers?.keys() ?? []).filter((name) => !name.startsWith("Nats-"));
      const textOf = (name: string) => msg.headers?.get(name) ?? "";
      seen.push({ names, parent: textOf("traceparent"), state: textOf("tracestate") });
    },
  });
  await connection.flush();
  return { seen, [Symbol.asyncDispose]: () => connection.close() };
}

it("a message has the headers of W3C Trace Context when its publish is traced, and none when it isn't", async () => {
  await using server = await NatsServer.start({ jetStream: true });
  await using wire = await sniff(server);
  const bus = await connectNatsBus({ servers: [server.url] });
  await bus.publish(ADDRESS, bytes("plain"));
  await bus.publish(ADDRESS, bytes("traced"), { trace: TRACE });
  await bus.publish(ADDRESS, bytes("without state"), { trace: { ...TRACE, state: "" } });
  await bus.publish(ADDRESS, bytes("once"), { idempotencyKey: "1", trace: TRACE });
  const limits = { messages: 10, maxAgeMs: 60_000 };
  await bus.history.append(ADDRESS, bytes("kept"), { limits, idempotencyKey: "2", trace: TRACE });
  await bus.history.append(ADDRESS, bytes("kept, plain"), { limits, idempotencyKey: "3" });
  const traced = { names: ["traceparent", "tracestate"], parent: PARENT, state: "one=1" };
  const plain = { names: [], parent: "", state: "" };
  const stateless = { names: ["traceparent"], parent: PARENT, state: "" };
  await eventually(() => expect(wire.seen).toEqual([plain, traced, stateless, traced, traced, plain]));
  await bus.close();
});

it("a message that fills max_payload goes without its trace, and is not refused for it", async () => {
  await using server = await NatsServer.start();
  await using wire = await sniff(server);
  const bus = await connectNatsBus({ servers: [server.url], readsTraces: true });
  const receiver = await listen(bus, ADDRESS.appId, ADDRESS.channel);
  const full = new Uint8Array(1_048_576);
  await bus.publish(ADDRESS, full, { trace: TRACE });
  await bus.publish(ADDRESS, full.subarray(0, full.length - 200), { trace: TRACE });
  await eventually(() => expect(receiver.traces).toEqual([undefined, TRACE]));
  expect(wire.seen.map(({ parent }) => parent)).toEqual(["", PARENT]);
  await bus.close();
});

it("what others write into the headers is ignored where it is malformed, and so is all of it where nobody asks", async () => {
  await using server = await NatsServer.start();
  const [asking, silent] = [
    await connectNatsBus({ servers: [server.url], readsTraces: true }),
    await connectNatsBus({ servers: [server.url] }),
  ];
  const [told, untold] = [await listen(asking, "app", "traced"), await listen(silent, "app", "traced")];
  await using connection = await rawPublisher(server);
  const subject = await connection.subjectOf(() => asking.publish(ADDRESS, bytes("where?")));
  for (const parent of [PARENT, PARENT.toUpperCase(), "", "nonsense"]) await connection.publish(subject, parent);
  await eventually(() => expect(told.traces).toHaveLength(5));
  expect(told.traces).toEqual([undefined, { ...TRACE, state: "" }, undefined, undefined, undefined]);
  await eventually(() => expect(untold.traces).toEqual(Array.from({ length: 5 })));
  await Promise.all([asking.close(), silent.close()]);
});

async function rawPublisher(server: NatsServer) {
  const connection = await connect({ servers: server.url });
  return {
    async subjectOf(publish: () => Promise<unknown>): Promise<string> {
      const subscription = connection.subscribe("carillon.pub.>", { max: 1 });
      await connection.flush();
      await publish();
      for await (const { subject } of subscription) return subject;
      throw new Error("nothing came");
    },
    async publish(subject: string, traceparent: string): Promise<void> {
      const header = headers();
      header.set("traceparent", traceparent);
      connection.publish(subject, bytes("from others"), { headers: header });
      await connection.flush();
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
