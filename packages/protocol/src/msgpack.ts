/** The msgpack form, behind a path of its own: a client that does not ask for it ships without it. */
export {
  decodeMsgpackCommand,
  encodeMsgpackFrame,
  encodeMsgpackGap,
  encodeMsgpackHistory,
  encodeMsgpackPublication,
} from "./native/msgpack-codec.ts";
