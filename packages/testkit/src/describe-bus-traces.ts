import type { TraceContext } from "@carillon/core";
import { expect, it } from "vitest";
import { type BusSuite, bytes, listen } from "./describe-bus-suite.ts";
import { eventually } from "./eventually.ts";

const TRACE: TraceContext = { traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true, state: "" };

/** What goes along with an envelope. */
export function describeTraces(suite: BusSuite): void {
  it("traces › one goes along with its envelope alone, to every node, with and without an idempotency key", async () => {
    const appId = suite.app();
    const nodes = [await suite.node(), await suite.node()] as const;
    const receivers = await Promise.all(nodes.map((node) => listen(node, appId, "traced")));
    const address = { appId, channel: "traced" };
    const withState = { ...TRACE, state: "one=1,two=2" };
    await nodes[0].publish(address, bytes("plain"));
    await nodes[0].publish(address, bytes("traced"), { trace: TRACE });
    await nodes[0].publish(address, bytes("once"), { idempotencyKey: "k" });
    await nodes[0].publish(address, bytes("once, traced"), { idempotencyKey: "l", trace: withState });
    for (const receiver of receivers) {
      await eventually(() => expect(receiver.texts).toEqual(["plain", "traced", "once", "once, traced"]));
      expect(receiver.traces).toEqual([undefined, TRACE, undefined, withState]);
    }
  });

  it("traces › two receivers of one channel on one node are both told", async () => {
    const appId = suite.app();
    const node = await suite.node();
    const [first, second] = [await listen(node, appId, "shared"), await listen(node, appId, "shared")];
    await node.publish(first, bytes("both"), { trace: TRACE });
    await eventually(() => expect([first.traces, second.traces]).toEqual([[TRACE], [TRACE]]));
  });
}
