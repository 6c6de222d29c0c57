import { BusUnavailableError } from "@carillon/core";
import { expect, it } from "vitest";
import { RecordingReceiver } from "./describe-bus-receiver.ts";
import { type BusSuite, bytes, listen, numbers, settle } from "./describe-bus-suite.ts";
import { eventually } from "./eventually.ts";

/** What a close means. */
export function describeLife(suite: BusSuite): void {
  it("close › publishing and subscribing are refused afterwards, unsubscribing is not", async () => {
    const appId = suite.app();
    const node = await suite.node();
    const receiver = await listen(node, appId, "closed");
    expect(node.status).toBe("connected");
    await node.close();
    expect(node.status).toBe("closed");
    await expect(node.publish(receiver, bytes("x"))).rejects.toBeInstanceOf(BusUnavailableError);
    await expect(node.publish(receiver, bytes("x"), { idempotencyKey: "x" })).rejects.toBeInstanceOf(
      BusUnavailableError,
    );
    await expect(node.subscribe(new RecordingReceiver(appId, "new"))).rejects.toBeInstanceOf(BusUnavailableError);
    node.unsubscribe(receiver);
    await node.close();
  });

  it("close › what was accepted before is delivered, and nothing is received any more", async () => {
    const appId = suite.app();
    const [closing, staying] = [await suite.node(), await suite.node()];
    const [own, other] = [await listen(closing, appId, "last"), await listen(staying, appId, "last")];
    await settle(closing, staying, appId);
    const publishes = numbers(20).map((text) => closing.publish(own, bytes(text)));
    await closing.close();
    const after = own.envelopes.length;
    await Promise.all(publishes);
    await eventually(() => expect(other.texts).toEqual(numbers(20)));
    await staying.publish(own, bytes("later"));
    await settle(staying, staying, appId);
    expect(own.envelopes).toHaveLength(after);
  });

  it("status › a close is told once, and a listener that left hears nothing", async () => {
    const node = await suite.node();
    const [heard, unheard]: [string[], string[]] = [[], []];
    node.onStatus((status) => heard.push(status));
    const stop = node.onStatus((status) => unheard.push(status));
    stop();
    await Promise.all([node.close(), node.close()]);
    expect(heard).toEqual(["closed"]);
    expect(unheard).toEqual([]);
  });
}

/** What an interrupted backbone means. */
export function describeOutage(suite: BusSuite): void {
  // Whether the harness can cut the bus off is known once it has started, which is too late for `skipIf`.
  it("outage › publishes are refused at once and are not made up for; the interest comes back by itself", async (context) => {
    const { interrupt, restore } = suite.harness;
    if (interrupt === undefined || restore === undefined) return context.skip("this backbone can't be interrupted");
    const appId = suite.app();
    const [publisher, node] = [await suite.node(), await suite.node()];
    const statuses: string[] = [];
    publisher.onStatus((status) => statuses.push(status));
    const [receiver, left] = [await listen(node, appId, "kept"), await listen(node, appId, "left")];
    await interrupt.call(suite.harness);
    await eventually(() => expect([publisher.status, node.status]).toEqual(["disconnected", "disconnected"]));
    await expect(publisher.publish(receiver, bytes("lost"))).rejects.toBeInstanceOf(BusUnavailableError);
    await expect(publisher.publish(receiver, bytes("lost"), { idempotencyKey: "k" })).rejects.toBeInstanceOf(
      BusUnavailableError,
    );
    node.unsubscribe(left);
    const late = new RecordingReceiver(appId, "late");
    const subscribed = node.subscribe(late);
    await restore.call(suite.harness);
    await subscribed;
    await eventually(() => expect([publisher.status, node.status]).toEqual(["connected", "connected"]));
    await settle(publisher, node, appId);
    for (const channel of ["kept", "left", "late"]) await publisher.publish({ appId, channel }, bytes("back"));
    await settle(publisher, node, appId);
    expect([receiver.texts, left.texts, late.texts]).toEqual([["back"], [], ["back"]]);
    expect(statuses).toEqual(["disconnected", "connected"]);
  });
}
