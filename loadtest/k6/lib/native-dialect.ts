import type { Dialect, Subscription } from "./dialect.ts";
import type { Incoming } from "./incoming.ts";
import type { NativeFrame } from "./native-frames.ts";
import { readNative, subscribeCommand } from "./native-frames.ts";
import { findNumbered, readNumbered } from "./numbered.ts";
import type { LoadSettings } from "./settings.ts";

const POSITION = ',"position":"';

/** The native protocol in JSON. */
export class NativeDialect implements Dialect {
  readonly path: string;
  readonly subprotocol = null;
  readonly isBinary = false;
  readonly #payloadBytes: number;

  constructor({ key, payloadBytes }: Pick<LoadSettings, "key" | "payloadBytes">) {
    this.path = `/ws?key=${encodeURIComponent(key)}`;
    this.#payloadBytes = payloadBytes;
  }

  subscribe(subscriptions: readonly Subscription[]): readonly string[] {
    return [JSON.stringify(subscribeCommand(subscriptions))];
  }

  read(frame: string | ArrayBuffer): Incoming {
    if (typeof frame !== "string") return { type: "other" };
    const start = findNumbered(frame);
    // Parsing each delivery would make the generator the slowest part of the test.
    if (start >= 0 && frame.startsWith('{"channel"')) {
      const position = positionIn(frame);
      const numbered = readNumbered(frame, start, this.#payloadBytes);
      return { type: "delivery", numbered, ...(position === null ? {} : { position }) };
    }
    try {
      return readNative(JSON.parse(frame) as NativeFrame, this.#payloadBytes);
    } catch {
      // Not JSON: a gateway never sends such a thing, and nothing can be said about it.
      return { type: "delivery", numbered: null };
    }
  }
}

function positionIn(frame: string): string | null {
  const at = frame.lastIndexOf(POSITION);
  return at < 0 ? null : frame.substring(at + POSITION.length, frame.indexOf('"', at + POSITION.length));
}
