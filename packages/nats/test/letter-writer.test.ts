import { eventually, NatsServer } from "@carillon/testkit";
import { connect, headers, type Msg } from "nats";
import { describe, expect, it } from "vitest";
import { writeLetters } from "../src/letter-writer.ts";
import type { Letter } from "../src/outbox.ts";
import { bytes } from "./support/helpers.ts";

function letter(subject: string, text: string, options?: Letter["options"]): Letter {
  return { subject, data: bytes(text), options };
}

describe("writeLetters", () => {
  it("messages arrive whole and in order, those with headers or a subject for answers among them", async () => {
    await using server = await NatsServer.start();
    const [from, to] = await Promise.all([connect({ servers: server.url }), connect({ servers: server.url })]);
    const received: Msg[] = [];
    to.subscribe("test.>", { callback: (_error, message) => void received.push(message) });
    await to.flush();
    const header = headers();
    header.set("name", "value");
    const letters = [
      letter("test.a", "1"),
      letter("test.b", ""),
      letter("test.c", "3\r\nPUB test.forged 1\r\nx", { headers: header }),
      letter("test.d", "4\r\nPUB test.forged 1\r\nx"),
      letter("test.e", "\u{1f514}".repeat(10_000)),
      letter("test.f", "6", { reply: "answers" }),
      letter("test.g", "7"),
    ];
    writeLetters(from, []);
    writeLetters(from, letters);
    await from.flush();
    await eventually(() => expect(received).toHaveLength(letters.length));
    expect(received.map(({ subject }) => subject)).toEqual(letters.map(({ subject }) => subject));
    expect(received.map(({ data }) => Buffer.from(data))).toEqual(letters.map(({ data }) => Buffer.from(data)));
    expect(received[2]?.headers?.get("name")).toBe("value");
    expect(received[5]?.reply).toBe("answers");
    await Promise.all([from.close(), to.close()]);
  });

  it("throws for a message that the server would cut the connection for, and once the connection is closed", async () => {
    await using server = await NatsServer.start();
    const connection = await connect({ servers: server.url });
    const tooLarge = new Uint8Array((connection.info?.max_payload ?? 0) + 1);
    expect(() => writeLetters(connection, [{ subject: "test", data: tooLarge, options: undefined }])).toThrow(
      "MAX_PAYLOAD_EXCEEDED",
    );
    await connection.flush();
    await connection.close();
    expect(() => writeLetters(connection, [letter("test", "1")])).toThrow("CONNECTION_CLOSED");
  });
});
