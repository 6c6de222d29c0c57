// k6 resolves no package names, so the library's parts are named by their files (the whole of it holds syntax that k6 lacks).
import { pack } from "../../../node_modules/msgpackr/pack.js";
import { unpack } from "../../../node_modules/msgpackr/unpack.js";
import type { Dialect, Subscription } from "./dialect.ts";
import type { Incoming } from "./incoming.ts";
import type { NativeFrame } from "./native-frames.ts";
import { readNative, subscribeCommand } from "./native-frames.ts";
import type { LoadSettings } from "./settings.ts";

/** The native protocol in msgpack. */
export class MsgpackDialect implements Dialect {
  readonly path: string;
  readonly subprotocol = "carillon.v1.msgpack";
  readonly isBinary = true;
  readonly #payloadBytes: number;

  constructor({ key, payloadBytes }: Pick<LoadSettings, "key" | "payloadBytes">) {
    this.path = `/ws?key=${encodeURIComponent(key)}`;
    this.#payloadBytes = payloadBytes;
  }

  subscribe(subscriptions: readonly Subscription[]): readonly ArrayBuffer[] {
    const bytes = pack(subscribeCommand(subscriptions));
    // A copy of its own: the library's buffer is larger and is used again.
    return [new Uint8Array(bytes).buffer];
  }

  read(frame: string | ArrayBuffer): Incoming {
    if (typeof frame === "string") return { type: "other" };
    try {
      return readNative(unpack(new Uint8Array(frame)) as NativeFrame, this.#payloadBytes);
    } catch {
      // Not msgpack: a gateway never sends such a thing, and nothing can be said about it.
      return { type: "delivery", numbered: null };
    }
  }
}
