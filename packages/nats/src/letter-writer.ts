import type { NatsConnection } from "nats";
// The client has no way to send several messages at once; its version is pinned exactly.
import { NatsConnectionImpl } from "nats/lib/src/nats-base-client.js";
import type { Letter } from "./outbox.ts";

/** Of a message in the protocol's text, besides its subject, its length's digits and its content: `PUB `, a blank, two line ends. */
const OVERHEAD_BYTES = 9;
/** The most digits of a length that {@link OVERHEAD_BYTES} leaves out: nats-server takes 64 MiB at most. */
const LENGTH_DIGITS = 8;
const CR = 0x0d;
const LF = 0x0a;

/**
 * Hands messages to the client, in order. Those without headers and without a subject for answers, which is nearly all, are put together
 * in one piece of memory: the client's own `publish` makes three pieces of each, and costs as much as all the rest of writing it.
 *
 * @throws what the client throws when the connection is closed, or a message is larger than the server takes.
 */
export function writeLetters(connection: NatsConnection, letters: readonly Letter[]): void {
  const open = openConnection(connection);
  const maxBytes = open?.info?.max_payload ?? 0;
  let plain: Letter[] = [];
  for (const letter of letters) {
    if (open !== null && letter.options === undefined && letter.data.length <= maxBytes) {
      plain.push(letter);
      continue;
    }
    if (open !== null) writePlain(open, plain);
    plain = [];
    connection.publish(letter.subject, letter.data, letter.options);
  }
  if (open !== null) writePlain(open, plain);
}

/** null where the client's own `publish` has to say why it can't be written to. */
function openConnection(connection: NatsConnection): NatsConnectionImpl | null {
  if (!(connection instanceof NatsConnectionImpl)) return null;
  return connection.isClosed() || connection.isDraining() ? null : connection;
}

function writePlain({ protocol }: NatsConnectionImpl, letters: readonly Letter[]): void {
  if (letters.length === 0) return;
  let roomBytes = 0;
  for (const { subject, data } of letters) roomBytes += OVERHEAD_BYTES + LENGTH_DIGITS + subject.length + data.length;
  const bytes = Buffer.allocUnsafe(roomBytes);
  let at = 0;
  for (const { subject, data } of letters) {
    // Subjects are ASCII: they have been checked.
    at += bytes.write(`PUB ${subject} ${data.length}\r\n`, at, "latin1");
    bytes.set(data, at);
    at += data.length;
    bytes[at] = CR;
    bytes[at + 1] = LF;
    at += 2;
  }
  protocol.sendCommand(bytes.subarray(0, at));
}
