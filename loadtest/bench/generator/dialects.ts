import type { Dialect, DialectName } from "./dialect.ts";
import { centrifugo } from "./dialects/centrifugo.ts";
import { engineIo } from "./dialects/engine-io.ts";
import { native } from "./dialects/native.ts";
import { pusher } from "./dialects/pusher.ts";

/** The dialects, by name. The baselines speak `native`. */
export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  native,
  pusher,
  "engine-io": engineIo,
  centrifugo,
};
