import type { Transport } from "@carillon/core";
import { describe, expect, test } from "vitest";
import type { PublicServer, SocketHandler, WebSocketEndpoint } from "../../src/http/http-types.ts";
import { RawClient, SocketClient, startServer, until, upgradeHead } from "./support.ts";

const text = (data: Uint8Array) => new TextDecoder().decode(data);
const bytes = (value: string) => new TextEncoder().encode(value);

function serve(
  server: PublicServer,
  open: (socket: Transport) => SocketHandler,
  part: Partial<WebSocketEndpoint> = {},
): void {
  server.webSocket({
    decide: () => ({ kind: "accept", open }),
    maxFrameBytes: 1000,
    maxBackpressureBytes: 1_000_000,
    idleTimeoutSeconds: 60,
    ...part,
  });
}

/** A server that keeps its sockets and what they hear, in the order of opening. */
async function startKeeping(onFrame: (socket: Transport, frame: string) => void = () => undefined) {
  const sockets: Transport[] = [];
  const heard: string[] = [];
  const running = await startServer((server) => {
    serve(server, (socket) => {
      const index = sockets.push(socket) - 1;
      return {
        onFrame: (data) => {
          heard.push(`${index}: ${text(data)}`);
          onFrame(socket, text(data));
        },
        onClose: (code, wasSlow) => void heard.push(`${index}: closed ${code}${wasSlow ? " slow" : ""}`),
      };
    });
  });
  const at = (index: number): Transport => {
    const socket = sockets[index];
    if (socket === undefined) throw new Error(`There is no socket ${index}.`);
    return socket;
  };
  return { running, heard, at, [Symbol.asyncDispose]: () => running.server.close() };
}

describe("socket", () => {
  test("many frames written at once come in order, whole, and outside of any call too; on a closed one nothing happens", async () => {
    await using kept = await startKeeping();
    await using client = await SocketClient.open(kept.running.port);
    const frames = Array.from({ length: 1000 }, (_, index) => `${index}:${"x".repeat(index % 300)}`);
    kept.at(0).writeAll(frames, false);
    kept.at(0).write("end", false);
    expect(await client.received(1001)).toEqual([...frames, "end"]);
    kept.at(0).terminate();
    await until(() => !kept.at(0).isOpen);
    kept.at(0).writeAll(frames, false);
  });

  test("text arrives as UTF-8 whatever its letters: frames, the reason of a close, and what is published on a topic", async () => {
    // Of one byte, of two and of four in memory: V8 keeps the first kind apart, and so must nobody else.
    const texts = ["Zo\u00eb", "\u00a0 \u00ff", "\u65e5\u672c", "\u{1f514} \u00e9", "plain"];
    await using kept = await startKeeping();
    for (const [index, each] of texts.entries()) {
      await using client = await SocketClient.open(kept.running.port);
      await until(() => kept.at(index).isOpen);
      kept.at(index).write(each, false);
      kept.at(index).writeAll([each], false);
      kept.at(index).joinTopic(`news:${each}`);
      // The same letters from bytes, which V8 may keep in another form.
      kept.running.server.publish(new TextDecoder().decode(bytes(`news:${each}`)), bytes(each), false);
      expect(await client.received(3)).toEqual([each, each, each]);
      kept.at(index).close(4000, each);
      expect([await client.closed(), client.closeReason]).toEqual([4000, each]);
    }
  });

  test("text and binary frames come and go as they are", async () => {
    const kinds: boolean[] = [];
    await using running = await startServer((server) => {
      serve(server, (socket) => ({
        onFrame: (data, isBinary) => {
          kinds.push(isBinary);
          socket.write(data, isBinary);
          socket.write(isBinary ? "was binary" : "was text", false);
        },
        onClose: () => undefined,
      }));
    });
    await using client = await SocketClient.open(running.port);
    const binary: boolean[] = [];
    client.socket.on("message", (_data, isBinary) => binary.push(isBinary));
    client.socket.send("grüße");
    client.socket.send(Buffer.from("bytes"));
    expect(await client.received(4)).toEqual(["grüße", "was text", "bytes", "was binary"]);
    expect(kinds).toEqual([false, true]);
    expect(binary).toEqual([false, false, true, false]);
  });

  test("a text frame that isn't UTF-8 cuts the connection and reaches no handler", async () => {
    await using kept = await startKeeping();
    await using client = await RawClient.open(kept.running.port);
    client.write(upgradeHead("/"));
    await client.received("101 Switching Protocols");
    // A final text frame of one byte, masked with zeros: 0xff.
    client.write(Buffer.from("818100000000ff", "hex"));
    await client.closed();
    expect(kept.heard).toEqual(["0: closed 1006"]);
  });

  test("a frame over the limit cuts the connection and reaches no handler", async () => {
    await using kept = await startKeeping();
    await using client = await SocketClient.open(kept.running.port);
    client.socket.send("x".repeat(1000));
    client.socket.send("x".repeat(1001));
    expect(await client.closed()).toBe(1006);
    await until(() => kept.heard.length === 2);
    expect(kept.heard).toEqual([`0: ${"x".repeat(1000)}`, "0: closed 1006"]);
  });

  test("close sends code and reason", async () => {
    await using kept = await startKeeping((socket) => socket.close(4200, "this node is shutting down, reconnect"));
    await using client = await SocketClient.open(kept.running.port);
    client.socket.send("now");
    expect(await client.closed()).toBe(4200);
    expect(client.closeReason).toBe("this node is shutting down, reconnect");
    expect(kept.heard).toEqual(["0: now", "0: closed 4200"]);
  });

  test("a reason that is too long for a close frame is cut at a whole character", async () => {
    await using kept = await startKeeping((socket) => socket.close(4200, "€".repeat(100)));
    await using client = await SocketClient.open(kept.running.port);
    client.socket.send("now");
    expect(await client.closed()).toBe(4200);
    expect(client.closeReason).toBe("€".repeat(41));
  });

  test("terminate cuts without a close frame", async () => {
    await using kept = await startKeeping((socket) => socket.terminate());
    await using client = await SocketClient.open(kept.running.port);
    client.socket.send("now");
    expect(await client.closed()).toBe(1006);
    expect(kept.heard).toEqual(["0: now", "0: closed 1006"]);
  });

  test("the client's own close code is told", async () => {
    await using kept = await startKeeping();
    await using client = await SocketClient.open(kept.running.port);
    client.socket.close(4321);
    await until(() => kept.heard.length === 1);
    expect(kept.heard).toEqual(["0: closed 4321"]);
  });

  test("every method may be called after the close, and does nothing", async () => {
    await using kept = await startKeeping();
    const client = await SocketClient.open(kept.running.port);
    await using other = await SocketClient.open(kept.running.port);
    kept.at(1).joinTopic("topic");
    await client[Symbol.asyncDispose]();
    await until(() => kept.heard.length === 1);
    const gone = kept.at(0);
    expect(gone.isOpen).toBe(false);
    expect(gone.bufferedBytes).toBe(0);
    expect(gone.remoteAddress).toBe("");
    expect(gone.peerAddress).toBe("");
    expect(gone.write("x", false)).toBe("closed");
    gone.joinTopic("topic");
    gone.leaveTopic("topic");
    gone.publishToOthers("topic", bytes("from the dead"), false);
    gone.close(4200, "again");
    gone.terminate();
    kept.running.server.publish("topic", bytes("from the server"), false);
    expect(await other.received(1)).toEqual(["from the server"]);
    expect(kept.heard).toEqual(["0: closed 1006"]);
  });

  test("a close from within onFrame is heard when onFrame has returned", async () => {
    const order: string[] = [];
    await using running = await startServer((server) => {
      serve(server, (socket) => ({
        onFrame: () => {
          socket.close(4200, "");
          order.push("onFrame returns");
        },
        onClose: (code) => void order.push(`onClose ${code}`),
      }));
    });
    await using client = await SocketClient.open(running.port);
    client.socket.send("now");
    await client.closed();
    expect(order).toEqual(["onFrame returns", "onClose 4200"]);
  });

  test("a close from within open is heard by the handler that open returns", async () => {
    const order: string[] = [];
    await using running = await startServer((server) => {
      serve(server, (socket) => {
        socket.write("goodbye", false);
        socket.close(4001, "no app has this key");
        order.push("open returns");
        return { onFrame: () => undefined, onClose: (code) => void order.push(`onClose ${code}`) };
      });
    });
    await using client = await SocketClient.open(running.port);
    expect(await client.closed()).toBe(4001);
    expect(client.frames).toEqual(["goodbye"]);
    expect(order).toEqual(["open returns", "onClose 4001"]);
    expect(running.server.openSockets).toBe(0);
  });

  test("a throw in open closes that socket alone, with 1011", async () => {
    let opened = 0;
    await using running = await startServer((server) => {
      serve(server, (socket) => {
        opened += 1;
        if (opened === 1) throw new Error("open");
        return { onFrame: (data) => void socket.write(data, false), onClose: () => undefined };
      });
    });
    await using first = await SocketClient.open(running.port);
    expect(await first.closed()).toBe(1011);
    await using second = await SocketClient.open(running.port);
    second.socket.send("works");
    expect(await second.received(1)).toEqual(["works"]);
    expect(running.loggedEvents()).toEqual(["socket_handler_failed"]);
  });

  test("a throw in onFrame closes that socket alone, with 1011", async () => {
    await using kept = await startKeeping((socket, frame) => {
      if (frame === "throw") throw new Error("frame");
      socket.write(frame, false);
    });
    await using first = await SocketClient.open(kept.running.port);
    await using second = await SocketClient.open(kept.running.port);
    first.socket.send("throw");
    expect(await first.closed()).toBe(1011);
    second.socket.send("works");
    expect(await second.received(1)).toEqual(["works"]);
    expect(kept.heard).toEqual(["0: throw", "0: closed 1011", "1: works"]);
    expect(kept.running.loggedEvents()).toEqual(["socket_handler_failed"]);
  });

  test("a throw in onClose is logged and hurts nobody", async () => {
    await using running = await startServer((server) => {
      serve(server, () => ({
        onFrame: () => undefined,
        onClose: () => {
          throw new Error("close");
        },
      }));
    });
    await using client = await SocketClient.open(running.port);
    client.socket.close();
    await client.closed();
    await until(() => running.loggedEvents().includes("socket_close_handler_failed"));
    expect(running.server.openSockets).toBe(0);
  });
});

describe("topics", () => {
  test("a publish reaches those who joined, in order, and nobody after leaving", async () => {
    await using kept = await startKeeping();
    await using joined = await SocketClient.open(kept.running.port);
    await using left = await SocketClient.open(kept.running.port);
    await using never = await SocketClient.open(kept.running.port);
    for (const index of [0, 0, 1]) kept.at(index).joinTopic("topic");
    kept.running.server.publish("topic", bytes("one"), false);
    kept.at(1).leaveTopic("topic");
    kept.at(1).leaveTopic("topic");
    kept.running.server.publish("topic", bytes("two"), false);
    kept.running.server.publish("other topic", bytes("three"), false);
    for (const index of [0, 1, 2]) kept.at(index).write("end", false);
    expect(await joined.received(3)).toEqual(["one", "two", "end"]);
    expect(await left.received(2)).toEqual(["one", "end"]);
    expect(await never.received(1)).toEqual(["end"]);
  });

  test("publishToOthers leaves out the connection itself, and nobody else", async () => {
    await using kept = await startKeeping();
    await using sender = await SocketClient.open(kept.running.port);
    await using other = await SocketClient.open(kept.running.port);
    for (const index of [0, 1]) kept.at(index).joinTopic("topic");
    kept.at(0).publishToOthers("topic", bytes("to others"), false);
    kept.running.server.publish("topic", bytes("to all"), false);
    expect(await other.received(2)).toEqual(["to others", "to all"]);
    expect(await sender.received(1)).toEqual(["to all"]);
  });

  test.each([false, true])(
    "publishToOthers of a connection that didn't join the topic reaches all (joined another: %s)",
    async (joinsAnother) => {
      await using kept = await startKeeping();
      await using sender = await SocketClient.open(kept.running.port);
      await using other = await SocketClient.open(kept.running.port);
      if (joinsAnother) kept.at(0).joinTopic("another");
      kept.at(1).joinTopic("topic");
      kept.at(0).publishToOthers("topic", bytes("to others"), false);
      kept.at(0).write("end", false);
      expect(await other.received(1)).toEqual(["to others"]);
      expect(await sender.received(1)).toEqual(["end"]);
    },
  );

  test("a publish from within onClose reaches the others", async () => {
    await using running = await startServer((server) => {
      serve(server, (socket) => {
        socket.joinTopic("topic");
        return { onFrame: () => undefined, onClose: () => server.publish("topic", bytes("one left"), false) };
      });
    });
    await using leaver = await SocketClient.open(running.port);
    await using stayer = await SocketClient.open(running.port);
    leaver.socket.close();
    expect(await stayer.received(1)).toEqual(["one left"]);
  });

  test("the bytes of a published frame may be used again at once", async () => {
    await using kept = await startKeeping();
    await using client = await SocketClient.open(kept.running.port);
    kept.at(0).joinTopic("topic");
    const frame = bytes("first");
    kept.running.server.publish("topic", frame, false);
    frame.set(bytes("later"));
    kept.running.server.publish("topic", frame, false);
    expect(await client.received(2)).toEqual(["first", "later"]);
  });
});

describe("idle timeout", () => {
  test("closes a client that never answers pings, although it is being published to", { timeout: 40_000 }, async () => {
    const closed: number[] = [];
    await using running = await startServer((server) => {
      const open = (socket: Transport): SocketHandler => {
        socket.joinTopic("topic");
        return { onFrame: () => undefined, onClose: (code) => void closed.push(code) };
      };
      serve(server, open, { idleTimeoutSeconds: 8 });
    });
    await using mute = await SocketClient.open(running.port, "/", { autoPong: false });
    await using lively = await SocketClient.open(running.port);
    const publishing = setInterval(() => running.server.publish("topic", bytes("x"), false), 500);
    try {
      await mute.closed(30_000);
    } finally {
      clearInterval(publishing);
    }
    expect(closed).toEqual([1006]);
    expect(mute.frames.length).toBeGreaterThan(0);
    expect(lively.closeCode).toBeNull();
  });
});
