import { eventually, NatsServer } from "@carillon/testkit";
import { connect, headers } from "nats";
import { describe, expect, it } from "vitest";
import { HistoryBatchInbox } from "../src/history-batch.ts";
import { Link } from "../src/link.ts";
import { RecordingLog } from "./support/recording-log.ts";

const AT_ONCE = 32;
const QUERY = { stream: "slow", subject: "s", from: 1, count: 1 };
const EOB = { code: 204, description: "EOB" };

describe("history batch inbox", () => {
  it("an answer that is late keeps its place as long as others would only come behind it", async () => {
    await using server = await NatsServer.start();
    const copy = await connect({ servers: server.url });
    copy.subscribe("$JS.API.DIRECT.GET.slow", {
      callback: (_error, msg) => msg.respond(undefined, { headers: headers(EOB.code, EOB.description) }),
    });
    await copy.flush();
    const link = await Link.open({ servers: server.url }, new RecordingLog());
    const [inbox, other] = [new HistoryBatchInbox(link), new HistoryBatchInbox(link)];
    await link.outbox.confirm();
    await server.pause();
    const reads = Array.from({ length: AT_ONCE + 3 }, () => inbox.read(QUERY));
    for (const read of reads.slice(0, AT_ONCE)) await expect(read).rejects.toThrow("in time");
    // Had the others been asked for by now, they would be late with this one.
    await expect(other.read(QUERY)).rejects.toThrow("in time");
    server.resume();
    await expect(Promise.all(reads.slice(AT_ONCE))).resolves.toEqual([[], [], []]);
    for (const each of [inbox, other]) each.close();
    await Promise.all([link.close(), copy.close()]);
  });

  it("an answer of somebody who is away makes room for others", async () => {
    await using server = await NatsServer.start();
    const copy = await connect({ servers: server.url });
    let asked = 0;
    copy.subscribe("$JS.API.DIRECT.GET.slow", { callback: () => asked++ });
    await copy.flush();
    const link = await Link.open({ servers: server.url }, new RecordingLog());
    const inbox = new HistoryBatchInbox(link);
    const reads = Array.from({ length: AT_ONCE + 3 }, () => inbox.read(QUERY));
    for (const read of reads.slice(0, AT_ONCE)) await expect(read).rejects.toThrow("in time");
    await eventually(() => expect(asked).toBe(AT_ONCE + 3));
    inbox.close();
    await Promise.allSettled(reads);
    await Promise.all([link.close(), copy.close()]);
  });
});
