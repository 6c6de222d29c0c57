import { describe, expect, it } from "vitest";
import { assertOwnStream, historySettingsOf, historyStreamConfig } from "../src/history-config.ts";
import type { StreamConfig } from "../src/jetstream-api.ts";
import { SubjectSpace } from "../src/subject.ts";

const space = new SubjectSpace("carillon");
const configOf = (streams: number) => historyStreamConfig(space, historySettingsOf({ streams }), 0);

/** Takes a stream that is there for one of four. */
function take(present: StreamConfig): () => void {
  return () => assertOwnStream(present, configOf(4), 4);
}

describe("a stream of histories that is there", () => {
  it("is taken whatever its limits are, and in whatever order NATS names its subjects", () => {
    const subjects = [...(configOf(4).subjects ?? [])].reverse();
    expect(take({ ...configOf(4), subjects, max_age: 1, num_replicas: 3 })).not.toThrow();
  });

  it("is refused when it belongs to something else, with what to do", () => {
    const { republish: _, ...foreign } = configOf(4);
    expect(take(foreign)).toThrow(/belongs to something else: choose another nats\.prefix/);
    expect(take({ name: "ORDERS" })).toThrow(/belongs to something else/);
  });

  it("is refused when it was made by a NATS that is too old, with what to do", () => {
    expect(take({ ...configOf(4), allow_msg_ttl: false })).toThrow(/nats-server 2\.11 or newer: update NATS/);
  });

  it("is refused when it has the channels of another number of streams, which is told", () => {
    for (const found of [1, 2, 8, 32]) {
      expect(take(configOf(found))).toThrow(
        `spread over about ${found} streams and not 4: set history's number of streams`,
      );
    }
  });
});
