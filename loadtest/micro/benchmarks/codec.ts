import type { Envelope } from "@carillon/protocol";
import { Packr } from "msgpackr";
import { assertDone, type Benchmark, WrongResultError } from "../benchmark.ts";
import type { Packages } from "../packages.ts";
import { ENVELOPES, ORDERS } from "./orders.ts";

const CHANNEL = "orders-1042";
const POSITION = "AAAAAAAAAAAAAAAA:4711";

const encoder = new TextEncoder();
const plain = new Packr({ useRecords: false });

/** What clients of the native protocol send. */
const COMMANDS = [
  { type: "subscribe", id: 1, channel: CHANNEL },
  { type: "publish", id: 2, channel: CHANNEL, event: "client-typing", payload: ORDERS[0] },
  { type: "unsubscribe", id: 3, channel: CHANNEL },
  { type: "ping", id: 4 },
];

/** What Pusher's clients send. */
const PUSHER_COMMANDS = [
  { event: "pusher:subscribe", data: { channel: CHANNEL } },
  { event: "client-typing", channel: "private-orders", data: ORDERS[0] },
  { event: "pusher:unsubscribe", data: { channel: CHANNEL } },
  { event: "pusher:ping", data: {} },
];

/** The envelope on the bus, and what clients send and get in each protocol. */
export const CODEC: readonly Benchmark[] = [
  {
    name: "codec/envelope encode",
    prepare: async (packages) => encodes((await packages.protocol()).encodeEnvelope),
  },
  {
    name: "codec/envelope decode",
    prepare: async (packages) => {
      const { decodeEnvelope, encodeEnvelope } = await packages.protocol();
      const encoded = ENVELOPES.map((envelope) => encodeEnvelope(envelope).slice());
      return decodes(encoded, (bytes) => decodeEnvelope(bytes) !== null);
    },
  },
  {
    name: "codec/native text encode",
    prepare: async (packages) => {
      const { encodeJsonPublication } = await packages.protocol();
      return encodes((envelope) => encodeJsonPublication(CHANNEL, envelope, POSITION));
    },
  },
  {
    name: "codec/native text decode",
    prepare: async (packages) => {
      const { decodeJsonCommand } = await packages.protocol();
      return decodes(COMMANDS.map(jsonBytes), (bytes) => decodeJsonCommand(bytes).ok);
    },
  },
  {
    name: "codec/native msgpack encode",
    prepare: async (packages) => {
      const { encodeMsgpackPublication } = await packages.msgpack();
      return encodes((envelope) => encodeMsgpackPublication(CHANNEL, envelope, POSITION));
    },
  },
  {
    name: "codec/native msgpack decode",
    prepare: async (packages) => {
      const { decodeMsgpackCommand } = await packages.msgpack();
      const frames = COMMANDS.map((command) => Uint8Array.from(plain.pack(command)));
      return decodes(frames, (bytes) => decodeMsgpackCommand(bytes).ok);
    },
  },
  {
    name: "codec/Pusher text encode",
    prepare: async (packages: Packages) => {
      const { encodePusherPublication } = await packages.pusher();
      return encodes((envelope) => encodePusherPublication(CHANNEL, envelope));
    },
  },
  {
    name: "codec/Pusher text decode",
    prepare: async (packages) => {
      const { decodePusherCommand } = await packages.pusher();
      return decodes(PUSHER_COMMANDS.map(jsonBytes), (bytes) => decodePusherCommand(bytes).ok);
    },
  },
];

function jsonBytes(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

function encodes(encode: (envelope: Envelope) => Uint8Array) {
  const shortest = Math.min(...ENVELOPES.map(({ payload }) => payload.length));
  return {
    run(times: number): void {
      let bytes = 0;
      for (let turn = 0; turn < times; turn++) bytes += encode(ENVELOPES[turn % ENVELOPES.length] as Envelope).length;
      if (bytes < times * shortest * 0.5) throw new WrongResultError(`${times} encodings have ${bytes} bytes only`);
    },
  };
}

function decodes(frames: readonly Uint8Array[], isDecoded: (bytes: Uint8Array) => boolean) {
  return {
    run(times: number): void {
      let decoded = 0;
      for (let turn = 0; turn < times; turn++) if (isDecoded(frames[turn % frames.length] as Uint8Array)) decoded++;
      assertDone(decoded, times, "frames were decoded");
    },
  };
}
