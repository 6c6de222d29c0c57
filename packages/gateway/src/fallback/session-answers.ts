import type { Cluster } from "@carillon/core";
import { refuse } from "@carillon/protocol";
import { SESSION_KINDS } from "./remote-sessions.ts";
import { decodePoll, decodeSend, encodeBatch, encodeOutcome } from "./session-wire.ts";
import type { Sessions } from "./sessions.ts";

/** In a message, what stands beside the bytes of an answer's part. */
const MESSAGE_OVERHEAD_BYTES = 1024;

const UNREADABLE = encodeOutcome(refuse("invalid_field", "another gateway's call could not be read"));

/** Answers what other gateways ask about the sessions of this one. The cluster must not have started. */
export function answerOtherGateways(cluster: Cluster, sessions: Sessions): void {
  cluster.handle(SESSION_KINDS.poll, async (_from, body) => {
    const call = decodePoll(body);
    if (call === null) return UNREADABLE;
    return encodeBatch(await sessions.poll(call), cluster.maxMessageBytes - MESSAGE_OVERHEAD_BYTES);
  });
  cluster.handle(SESSION_KINDS.send, async (_from, body) => {
    const call = decodeSend(body);
    return call === null ? UNREADABLE : encodeOutcome(await sessions.send(call));
  });
  cluster.handle(SESSION_KINDS.abandon, (_from, body) => {
    if (Array.isArray(body) && typeof body[0] === "string" && typeof body[1] === "string") {
      sessions.abandon(body[0], body[1]);
    }
    return undefined;
  });
}
