import { NatsServer } from "@carillon/testkit";
import { connect, headers, type Msg } from "nats";
import { describe, expect, it } from "vitest";
import { HistoryBatchInbox } from "../src/history-batch.ts";
import { Link } from "../src/link.ts";
import { RecordingLog } from "./support/recording-log.ts";

const AT_ONCE = 32;
const EOB = { code: 204, description: "EOB" };

describe("history batch inbox", () => {
  it("an answer that is late keeps its place: it comes over the connection all the same", async () => {
    await using server = await NatsServer.start();
    const copy = await connect({ servers: server.url });
    const asked: Msg[] = [];
    copy.subscribe("$JS.API.DIRECT.GET.slow", { callback: (_error, msg) => asked.push(msg) });
    await copy.flush();
    const link = await Link.open({ servers: server.url }, new RecordingLog());
    const inbox = new HistoryBatchInbox(link);
    const query = { stream: "slow", subject: "s", from: 1, count: 1 };
    const reads = Array.from({ length: AT_ONCE + 3 }, () => inbox.read(query));
    const onTime = reads.slice(AT_ONCE);
    for (const read of reads.slice(0, AT_ONCE)) await expect(read).rejects.toThrow("in time");
    expect(asked).toHaveLength(AT_ONCE);
    for (const msg of asked) copy.publish(msg.reply ?? "", undefined, { headers: headers(EOB.code, EOB.description) });
    copy.subscribe("$JS.API.DIRECT.GET.>", {
      callback: (_error, msg) => msg.respond(undefined, { headers: headers(EOB.code, EOB.description) }),
    });
    await expect(Promise.all(onTime)).resolves.toEqual([[], [], []]);
    inbox.close();
    await Promise.all([link.close(), copy.close()]);
  });
});
