import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { eventually, TcpProxy, type TcpProxyOptions } from "../src/index.ts";

/** A server that says everything back, behind a proxy. */
async function startEcho(options: Pick<TcpProxyOptions, "nameOf" | "breakAfter"> = {}) {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const proxy = await TcpProxy.start({ targetPort: () => port, ...options });
  return { proxy, [Symbol.asyncDispose]: () => proxy.stop().finally(() => server.close()) };
}

class Dialer {
  readonly socket: Socket;
  got = "";
  isClosed = false;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.isClosed = true;
    });
    this.socket.on("data", (data: Buffer) => {
      this.got += data.toString();
    });
  }

  async expectEcho(text: string): Promise<void> {
    const before = this.got.length;
    this.socket.write(text);
    await eventually(() => expect(this.got.slice(before)).toBe(text));
  }
}

it("TcpProxy › carries both ways; cut ends connections and refuses new ones until it is healed", async () => {
  await using echo = await startEcho();
  const { proxy } = echo;
  const dialer = new Dialer(proxy.port);
  await dialer.expectEcho("one");
  proxy.cut();
  await eventually(() => expect(dialer.isClosed).toBe(true));
  const refused = new Dialer(proxy.port);
  await eventually(() => expect(refused.isClosed).toBe(true));
  proxy.heal();
  await new Dialer(proxy.port).expectEcho("two");
});

it("TcpProxy › frozen, connections stand and carry nothing; what was said is carried once it is healed", async () => {
  await using echo = await startEcho();
  const { proxy } = echo;
  const dialer = new Dialer(proxy.port);
  await dialer.expectEcho("one");
  proxy.freeze();
  dialer.socket.write("two");
  const late = new Dialer(proxy.port);
  late.socket.write("three");
  // Whatever would be carried would have come by the time another proxy has carried as much.
  await using whole = await startEcho();
  await new Dialer(whole.proxy.port).expectEcho("four");
  expect([dialer.got, dialer.isClosed, late.got]).toEqual(["one", false, ""]);
  proxy.heal();
  await eventually(() => expect([dialer.got, late.got]).toEqual(["onetwo", "three"]));
});

it("TcpProxy › harms only the side that is named, by the words that it says first", async () => {
  await using echo = await startEcho({ nameOf: (head) => /^i am (\w+)\n/.exec(head)?.[1] ?? null });
  const { proxy } = echo;
  const [ann, bob] = [new Dialer(proxy.port), new Dialer(proxy.port)];
  await Promise.all([ann.expectEcho("i am ann\n"), bob.expectEcho("i am bob\n")]);
  proxy.cut("ann");
  await eventually(() => expect(ann.isClosed).toBe(true));
  await bob.expectEcho("still here");
  const again = new Dialer(proxy.port);
  again.socket.write("i am ann\n");
  await eventually(() => expect(again.isClosed).toBe(true));
  proxy.heal();
  await new Dialer(proxy.port).expectEcho("i am ann\n");
});

it("TcpProxy › cuts a connection once as many bytes have come from its target as it may carry", async () => {
  await using echo = await startEcho({ breakAfter: () => 5 });
  const dialer = new Dialer(echo.proxy.port);
  await dialer.expectEcho("one");
  dialer.socket.write("two");
  await eventually(() => expect(dialer.isClosed).toBe(true));
  expect(dialer.got).toBe("onetw");
});
