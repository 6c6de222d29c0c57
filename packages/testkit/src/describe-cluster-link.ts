import type { ClusterLink } from "@carillon/core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";

/** Links under test, which all reach each other. */
export interface ClusterLinkHarness {
  /** Makes one that is not open yet; the suite closes it. */
  createLink(): Promise<ClusterLink>;
  /** Ends what the links stand on, after all of them were closed. */
  close(): Promise<void>;
}

/** A node that writes down what it hears. */
class Listener {
  readonly heard: string[] = [];
  readonly link: ClusterLink;
  readonly nodeId: string;

  constructor(link: ClusterLink, nodeId: string) {
    this.link = link;
    this.nodeId = nodeId;
  }

  async open(): Promise<void> {
    await this.link.open(this.nodeId, (message) => this.heard.push(new TextDecoder().decode(message)));
  }

  broadcast(text: string): void {
    this.link.broadcast(new TextEncoder().encode(text));
  }

  send(nodeId: string, text: string): void {
    this.link.send(nodeId, new TextEncoder().encode(text));
  }
}

/**
 * The contract of ClusterLink, as tests: what the comments of the port promise, on every implementation alike.
 *
 * @example
 * describeClusterLink("MemoryClusterLink", async () => new MemoryHarness());
 */
export function describeClusterLink(name: string, createHarness: () => Promise<ClusterLinkHarness>): void {
  describe(`ClusterLink contract: ${name}`, () => {
    let harness: ClusterLinkHarness;
    const links: ClusterLink[] = [];
    let nodes = 0;

    async function listener(nodeId?: string): Promise<Listener> {
      const link = await harness.createLink();
      links.push(link);
      nodes++;
      const node = new Listener(link, nodeId ?? `node-${nodes}`);
      await node.open();
      return node;
    }

    /** Resolves once everything that `from` sent before has been heard: it goes on sending until one gets through. */
    async function settle(from: Listener, to: Listener): Promise<void> {
      nodes++;
      const fence = `fence-${nodes}`;
      await eventually(() => {
        from.send(to.nodeId, fence);
        expect(to.heard).toContain(fence);
      });
    }

    const told = ({ heard }: Listener) => heard.filter((text) => !text.startsWith("fence-"));

    beforeAll(async () => {
      harness = await createHarness();
    });
    afterEach(() => {
      for (const link of links.splice(0)) link.close();
    });
    afterAll(() => harness.close());

    it("a broadcast reaches all others, and not its sender", async () => {
      const [a, b, c] = [await listener(), await listener(), await listener()];
      await settle(a, b);
      await settle(a, c);
      a.broadcast("hello");
      await settle(a, b);
      await settle(a, c);
      await settle(a, a);
      expect([told(a), told(b), told(c)]).toEqual([[], ["hello"], ["hello"]]);
    });

    it("a message to one node reaches that one alone, the sender itself too", async () => {
      const [a, b, c] = [await listener(), await listener(), await listener()];
      a.send(b.nodeId, "to b");
      a.send(a.nodeId, "to a");
      a.send("nobody", "to nobody");
      await settle(a, b);
      await settle(a, c);
      await settle(a, a);
      expect([told(a), told(b), told(c)]).toEqual([["to a"], ["to b"], []]);
    });

    it("messages of one sender come in the order in which they were sent, broadcasts and others alike", async () => {
      const [a, b] = [await listener(), await listener()];
      await settle(a, b);
      const sent = Array.from({ length: 1000 }, (_, index) => `${index}`);
      for (const [index, text] of sent.entries()) {
        if (index % 3 === 0) a.broadcast(text);
        else a.send(b.nodeId, text);
      }
      await settle(a, b);
      expect(told(b)).toEqual(sent);
    });

    it("carries any bytes, also none and as many as it says", async () => {
      const [a, b] = [await listener(), await listener()];
      expect(a.link.maxMessageBytes).toBeGreaterThanOrEqual(65_536);
      const bytes: number[] = [];
      const raw = await harness.createLink();
      links.push(raw);
      await raw.open("raw", (message) => bytes.push(message.length, message[0] ?? -1, message.at(-1) ?? -1));
      await settle(a, b);
      const largest = new Uint8Array(a.link.maxMessageBytes).fill(0xff);
      a.link.send("raw", new Uint8Array());
      a.link.send("raw", largest);
      // The sender may use the bytes for something else at once.
      largest.fill(0);
      await eventually(() => expect(bytes).toEqual([0, -1, -1, largest.length, 0xff, 0xff]));
    });

    it("any node id of the port's alphabet has messages of its own", async () => {
      const a = await listener();
      const odd = [await listener("A_b-1"), await listener("a_b-1"), await listener("x".repeat(32))];
      for (const node of odd) a.send(node.nodeId, node.nodeId);
      for (const node of odd) await settle(a, node);
      expect(odd.map(told)).toEqual([["A_b-1"], ["a_b-1"], ["x".repeat(32)]]);
    });

    it("what is closed hears and sends nothing more, and may be closed again", async () => {
      const [a, b, c] = [await listener(), await listener(), await listener()];
      await settle(a, c);
      b.link.close();
      b.link.close();
      b.broadcast("from the closed");
      b.send(c.nodeId, "from the closed");
      a.broadcast("to all");
      a.send(b.nodeId, "to the closed");
      await settle(a, c);
      expect([told(b), told(c)]).toEqual([[], ["to all"]]);
    });
  });
}
