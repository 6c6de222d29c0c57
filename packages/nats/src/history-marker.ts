import { randomBytes } from "node:crypto";

/** What a stream of histories says about itself, in a message inside it that never expires. */
export interface Marker {
  /** Identity of the stream: one that was lost and begun anew has another. "" before it is known. */
  readonly epoch: string;
  /**
   * Up to this sequence, publications may have gone for other reasons than their channel's number and age: limits were
   * changed, or an app was over its bytes. So positions of empty channels up to here prove nothing. 0: never.
   */
  readonly floor: number;
  /** Of the message itself. */
  readonly sequence: number;
}

const MARKER = /^([A-Za-z0-9_-]{1,32})(?: (\d{1,16}))?$/;

/** The text of a marker. */
export function formatMarker({ epoch, floor }: Omit<Marker, "sequence">): string {
  return floor === 0 ? epoch : `${epoch} ${floor}`;
}

/** Reads what {@link formatMarker} wrote; null for any other text. */
export function parseMarker(text: string): Omit<Marker, "sequence"> | null {
  const [, epoch, floor] = MARKER.exec(text) ?? [];
  return epoch === undefined ? null : { epoch, floor: Number(floor ?? 0) };
}

/** An epoch that no stream ever had. */
export function newEpoch(): string {
  return randomBytes(12).toString("base64url");
}
