import fc from "fast-check";
import { expect, it } from "vitest";
import { RecordingReceiver } from "./describe-bus-receiver.ts";
import { type BusSuite, bytes, listen, numbers, settle } from "./describe-bus-suite.ts";
import { eventually } from "./eventually.ts";

const CHANNELS_AT_ONCE = 10_000;

/** When interest begins and ends. */
export function describeInterest(suite: BusSuite): void {
  it("subscribe › resolves when the interest stands: what this node publishes next always arrives", async () => {
    const appId = suite.app();
    const node = await suite.node();
    const wanted = numbers(200);
    const receivers = await Promise.all(
      wanted.map(async (text) => {
        const receiver = await listen(node, appId, `standing-${text}`);
        await node.publish(receiver, bytes(text));
        return receiver;
      }),
    );
    await eventually(() => expect(receivers.flatMap((receiver) => receiver.texts)).toEqual(wanted));
  });

  it("subscribe › one after the other, each stands when it resolves", async () => {
    const appId = suite.app();
    const node = await suite.node();
    const receivers: RecordingReceiver[] = [];
    for (const text of numbers(100)) {
      const receiver = await listen(node, appId, `step-${text}`);
      receivers.push(receiver);
      await node.publish(receiver, bytes(text));
    }
    await eventually(() => expect(receivers.flatMap((receiver) => receiver.texts)).toEqual(numbers(100)));
  });

  it("unsubscribe › nothing arrives any more, not even what was published before", async () => {
    const appId = suite.app();
    const node = await suite.node();
    const receiver = await listen(node, appId, "gone");
    const publishes = numbers(50).map((text) => node.publish(receiver, bytes(text)));
    node.unsubscribe(receiver);
    const before = receiver.envelopes.length;
    await Promise.all(publishes);
    await node.publish(receiver, bytes("later"));
    await settle(node, node, appId);
    expect(receiver.envelopes).toHaveLength(before);
  });

  it("unsubscribe › the same receiver can come back", async () => {
    const appId = suite.app();
    const node = await suite.node();
    const receiver = await listen(node, appId, "back");
    for (const text of numbers(5)) {
      node.unsubscribe(receiver);
      await node.subscribe(receiver);
      await node.publish(receiver, bytes(text));
      await settle(node, node, appId);
    }
    expect(receiver.texts).toEqual(numbers(5));
  });

  it("unsubscribe › a late one of an old receiver doesn't touch a newer receiver of the channel", async () => {
    const appId = suite.app();
    const node = await suite.node();
    const old = await listen(node, appId, "late");
    const newer = await listen(node, appId, "late");
    node.unsubscribe(old);
    node.unsubscribe(old);
    await node.publish(newer, bytes("still here"));
    await settle(node, node, appId);
    expect(newer.texts).toEqual(["still here"]);
    expect(old.texts).toEqual([]);
  });

  it("unsubscribe › before subscribe has resolved it wins, and an unknown receiver is ignored", async () => {
    const appId = suite.app();
    const node = await suite.node();
    const receiver = new RecordingReceiver(appId, "never");
    node.unsubscribe(receiver);
    const subscribed = node.subscribe(receiver);
    node.unsubscribe(receiver);
    await subscribed;
    await node.publish(receiver, bytes("nobody"));
    await settle(node, node, appId);
    expect(receiver.texts).toEqual([]);
  });

  it(`many channels › ${CHANNELS_AT_ONCE} are subscribed, heard and left in one go`, async () => {
    const appId = suite.app();
    const [publisher, node] = [await suite.node(), await suite.node()];
    const receivers = numbers(CHANNELS_AT_ONCE, "user-").map((channel) => new RecordingReceiver(appId, channel));
    await Promise.all(receivers.map((receiver) => node.subscribe(receiver)));
    await settle(publisher, node, appId);
    await Promise.all(receivers.map((receiver) => publisher.publish(receiver, bytes(receiver.channel))));
    await settle(publisher, node, appId);
    const isWrong = (receiver: RecordingReceiver) => receiver.texts.join() !== receiver.channel;
    expect(receivers.filter(isWrong)).toEqual([]);
    for (const receiver of receivers) node.unsubscribe(receiver);
    await Promise.all(receivers.map((receiver) => publisher.publish(receiver, bytes("too late"))));
    await settle(publisher, node, appId);
    expect(receivers.filter(isWrong)).toEqual([]);
  });
}

/** Names as hostile as strings get: every character, halves of surrogate pairs, and what NATS and HTTP give a meaning. */
const oddName = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom(".", "*", ">", " ", "\r", "\n", "\0", "=", "$", "\ud800", "\udfff", "a", "é", "🔔"),
    maxLength: 20,
  }),
  fc.constantFrom("a\r\nPUB x 0\r\n\r\n", "a b", "..", ">", "*", "$SYS.>", "あ".repeat(200), "a".repeat(200)),
);

/** That names can be anything. */
export function describeNames(suite: BusSuite): void {
  it("names › any app id and channel name works, and no two are taken for each other", async () => {
    const node = await suite.node();
    const root = suite.app();
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.tuple(oddName, oddName), { maxLength: 12, selector: (pair) => JSON.stringify(pair) }),
        async (pairs) => {
          const receivers = await Promise.all(pairs.map(([app, channel]) => listen(node, `${root}${app}`, channel)));
          await Promise.all(receivers.map((receiver, index) => node.publish(receiver, Uint8Array.of(index))));
          await settle(node, node, root);
          expect(receivers.map((receiver) => receiver.envelopes.map((each) => [...each]))).toEqual(
            receivers.map((_, index) => [[index]]),
          );
          for (const receiver of receivers) node.unsubscribe(receiver);
        },
      ),
      { numRuns: 40 },
    );
  });
}
