import type { Dialect } from "./dialect.ts";

/** What a link tells its owner, and nothing more once the owner has closed it. */
export interface LinkOwner {
  opened(): void;
  /** `readAtMs`: when k6 took the frame from its connection, which a busy thread is told of only later. */
  framed(frame: string | ArrayBuffer, readAtMs: number): void;
  /** What carries it broke, and nobody had asked for that. It comes back to where it was: `resumed` follows, or `closed`. */
  interrupted(): void;
  /** It goes on where it was. */
  resumed(): void;
  /** It ended, or never came to be; told once. 0 when there is no close code. `why`: in words, "" where nobody said so. */
  closed(code: number, why: string): void;
}

/** A client's way to a gateway. */
export interface Link {
  send(frame: string | ArrayBuffer): void;
  /** Has what carries it break, and after `pauseMs` tries to go on where it was; without sessions, that is its end. */
  interrupt(pauseMs: number): void;
  /** Ends it; the owner isn't told. */
  close(): void;
}

/** Begins a link. `url`: a gateway, `ws://HOST` or `wss://HOST`. */
export type OpenLink = (url: string, dialect: Dialect, owner: LinkOwner) => Link;
