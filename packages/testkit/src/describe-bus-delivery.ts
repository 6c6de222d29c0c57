import type { Bus } from "@carillon/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type BusSuite, bytes, listen, numbers, settle } from "./describe-bus-suite.ts";
import { eventually } from "./eventually.ts";

/** Who gets what, in which order, with which bytes. */
export function describeDelivery(suite: BusSuite): void {
  it("delivery › keeps the order of one publisher, and of each of two", async () => {
    const appId = suite.app();
    const [first, second, listener] = [await suite.node(), await suite.node(), await suite.node()];
    const receiver = await listen(listener, appId, "orders");
    const wanted = [numbers(300, "first-"), numbers(300, "second-")] as const;
    const publishes: Promise<unknown>[] = [];
    await settle(first, listener, appId);
    await settle(second, listener, appId);
    for (let index = 0; index < 300; index++) {
      publishes.push(
        first.publish(receiver, bytes(`first-${index}`)),
        second.publish(receiver, bytes(`second-${index}`)),
      );
    }
    await Promise.all(publishes);
    await eventually(() => expect(receiver.envelopes).toHaveLength(600));
    expect(receiver.texts.filter((text) => text.startsWith("first"))).toEqual(wanted[0]);
    expect(receiver.texts.filter((text) => text.startsWith("second"))).toEqual(wanted[1]);
  });

  it("delivery › a node hears its own publications, once", async () => {
    const appId = suite.app();
    const node = await suite.node();
    const receiver = await listen(node, appId, "own");
    await expect(node.publish(receiver, bytes("hello"))).resolves.toEqual({ isDuplicate: false });
    await settle(node, node, appId);
    expect(receiver.texts).toEqual(["hello"]);
  });

  it("delivery › every node with interest gets each envelope once", async () => {
    const appId = suite.app();
    const nodes = [await suite.node(), await suite.node(), await suite.node()];
    const receivers = await Promise.all(nodes.map((node) => listen(node, appId, "all")));
    const [publisher] = nodes as [Bus];
    for (const text of numbers(20)) await publisher.publish({ appId, channel: "all" }, bytes(text));
    for (const node of nodes) await settle(publisher, node, appId);
    for (const receiver of receivers) expect(receiver.texts).toEqual(numbers(20));
  });

  it("delivery › two receivers of one channel on one node both get it, and leave one by one", async () => {
    const appId = suite.app();
    const node = await suite.node();
    const [first, second] = [await listen(node, appId, "shared"), await listen(node, appId, "shared")];
    await node.publish(first, bytes("both"));
    await settle(node, node, appId);
    node.unsubscribe(first);
    await node.publish(first, bytes("second only"));
    await settle(node, node, appId);
    expect(first.texts).toEqual(["both"]);
    expect(second.texts).toEqual(["both", "second only"]);
  });

  it("delivery › other channels, and the same channel of another app, stay apart", async () => {
    const [appId, otherApp] = [suite.app(), suite.app()];
    const [publisher, listener] = [await suite.node(), await suite.node()];
    const receiver = await listen(listener, appId, "mine");
    await publisher.publish({ appId, channel: "yours" }, bytes("other channel"));
    await publisher.publish({ appId: otherApp, channel: "mine" }, bytes("other app"));
    await publisher.publish({ appId, channel: "mine" }, bytes("mine"));
    await settle(publisher, listener, appId);
    expect(receiver.texts).toEqual(["mine"]);
  });

  it("delivery › an envelope arrives byte for byte, also an empty one", async () => {
    const appId = suite.app();
    const [publisher, listener] = [await suite.node(), await suite.node()];
    const receiver = await listen(listener, appId, "bytes");
    await settle(publisher, listener, appId);
    const envelope = fc.uint8Array({ maxLength: 4096, size: "max" });
    await fc.assert(
      fc.asyncProperty(fc.array(envelope, { maxLength: 10 }), async (envelopes) => {
        receiver.envelopes.length = 0;
        await Promise.all(envelopes.map((each) => publisher.publish(receiver, each)));
        await settle(publisher, listener, appId);
        expect(receiver.envelopes).toEqual(envelopes);
      }),
      { numRuns: 25 },
    );
  });
}
