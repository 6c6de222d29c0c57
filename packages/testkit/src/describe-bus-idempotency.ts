import type { Bus } from "@carillon/core";
import { expect, it } from "vitest";
import { type BusSuite, bytes, listen, numbers, settle } from "./describe-bus-suite.ts";
import { eventually } from "./eventually.ts";

/** What an idempotency key does. */
export function describeIdempotency(suite: BusSuite): void {
  it("idempotency › a second publish with the same key is accepted, told, and not delivered, on any node", async () => {
    const appId = suite.app();
    const [first, second] = [await suite.node(), await suite.node()];
    const receiver = await listen(first, appId, "once");
    const options = { idempotencyKey: "key-1" };
    await expect(first.publish(receiver, bytes("one"), options)).resolves.toEqual({ isDuplicate: false });
    await expect(first.publish(receiver, bytes("two"), options)).resolves.toEqual({ isDuplicate: true });
    await expect(second.publish(receiver, bytes("three"), options)).resolves.toEqual({ isDuplicate: true });
    await first.publish(receiver, bytes("end"), { idempotencyKey: "key-2" });
    await eventually(() => expect(receiver.texts).toEqual(["one", "end"]));
  });

  it("idempotency › of many at once with one key, exactly one is delivered", async () => {
    const appId = suite.app();
    const nodes = [await suite.node(), await suite.node()];
    const receiver = await listen(nodes[0] as Bus, appId, "race");
    const publishes = numbers(20).map((text, index) =>
      (nodes[index % 2] as Bus).publish(receiver, bytes(text), { idempotencyKey: "race" }),
    );
    const results = await Promise.all(publishes);
    expect(results.filter((result) => !result.isDuplicate)).toHaveLength(1);
    await eventually(() => expect(receiver.envelopes).toHaveLength(1));
    await settle(nodes[0] as Bus, nodes[0] as Bus, appId);
    expect(receiver.envelopes).toHaveLength(1);
  });

  it("idempotency › the same key on another channel or app is another key, however odd the names are", async () => {
    const node = await suite.node();
    const root = suite.app();
    const places = [
      [root, "a", "b/c"],
      [root, "a/b", "c"],
      [`${root}/a`, "b", "c"],
      [root, "a", "key"],
      [root, "b", "key"],
      [suite.app(), "a", "key"],
      [root, "a", 'key"\r\nNats-Msg-Id: x'],
    ] as const;
    for (const [appId, channel, idempotencyKey] of places) {
      const published = node.publish({ appId, channel }, bytes("x"), { idempotencyKey });
      await expect(published).resolves.toEqual({ isDuplicate: false });
    }
  });

  it("idempotency › publishes with and without a key keep their order on a channel", async () => {
    const appId = suite.app();
    const node = await suite.node();
    const receiver = await listen(node, appId, "mixed");
    const wanted = numbers(30);
    await Promise.all(
      wanted.map((text, index) => {
        const options = index % 3 === 0 ? { idempotencyKey: text } : {};
        return node.publish(receiver, bytes(text), options);
      }),
    );
    await eventually(() => expect(receiver.envelopes).toHaveLength(wanted.length));
    expect(receiver.texts).toEqual(wanted);
  });
}
