import { CarillonError } from "./errors.ts";
import type { WireCommand, WireFrame } from "./wire.ts";

/** Ways to reach a gateway. */
export type TransportName = "websocket" | "sse" | "poll";

/** Hears what happens on a link. Nothing is heard after {@link onClosed}, nor after the link was closed by this side. */
export interface LinkOwner {
  onFrame(frame: WireFrame): void;
  /** It ended, or never began. `code`: a close code of docs/errors.md, or 1006 and the like. */
  onClosed(code: number, reason: string): void;
}

/** One connection to a gateway. */
export interface TransportLink {
  /**
   * Sends a command; one that can't be sent any more is dropped, since the end of the link is told anyway. Throws for one that can't be
   * said, or that has more than so many bytes: the server could not tell whose it was, or would end the connection.
   */
  send(command: WireCommand, maxBytes: number): void;
  /** Ends it. The owner hears nothing more. */
  close(): void;
}

/** Opens links. */
export interface Transport {
  readonly name: TransportName;
  /** Begins to connect; whatever becomes of it is told to the owner, never before this returns. */
  open(url: string, owner: LinkOwner): TransportLink;
}

/** Answers a frame, and throws for one that is too long. */
export function checkFrame<Frame extends string | Uint8Array<ArrayBuffer>>(frame: Frame, maxBytes: number): Frame {
  // No character takes more than three bytes for each of its units: hardly any frame has to be counted.
  if (frame.length * 3 <= maxBytes) return frame;
  const size = typeof frame === "string" ? new TextEncoder().encode(frame).length : frame.length;
  if (size <= maxBytes) return frame;
  throw new CarillonError("message_too_large", `the frame has ${size} bytes, the limit is ${maxBytes} bytes`);
}
