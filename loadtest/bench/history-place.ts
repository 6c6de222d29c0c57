import { SubjectSpace } from "@carillon/nats";
import { APP_ID } from "./history-filler.ts";

/** Streams that Carillon makes by default. */
const STREAMS = 4;

const space = new SubjectSpace("carillon");

/** Where Carillon keeps the events of a channel. */
export interface HistoryPlace {
  readonly subject: string;
  /** Name of the stream. */
  readonly stream: string;
  /** Of the message that holds the stream's epoch. */
  readonly marker: string;
}

/** Where a channel's events are, in a deployment with the default prefix and number of streams. */
export function placeOf(channel: string): HistoryPlace {
  const subject = space.of("hist", APP_ID, channel);
  const number = Number.parseInt(subject.split(".")[3] ?? "", 16) % STREAMS;
  return { subject, stream: space.streamName(`HIST_${number}`), marker: space.ofMarker(number) };
}
