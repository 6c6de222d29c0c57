import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { RealtimeClient } from "@carillon/client";
import { CarillonError, CarillonServer, type Member } from "@carillon/server";
import { eventually } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { CarillonProcess } from "./support/carillon-process.ts";

/** What the application publishes where: declared once, for its server and its clients. */
type Channels = {
  [name: `private-user-${string}`]: { "order.created": { id: number } };
  "presence-lobby": { "client-typing": { isTyping: boolean } };
};

/** An application's auth endpoint, which lets user 42 onto its own channel and into the lobby. Ends with `await using`. */
async function startEndpoint(carillon: CarillonServer<Channels>) {
  const server = createServer(async (request, response) => {
    const { channel, socketId } = (await bodyOf(request)) as { channel: string; socketId: string };
    const member: Member | undefined = channel === "presence-lobby" ? { id: "42", info: { name: "Ann" } } : undefined;
    if (member === undefined && channel !== "private-user-42") {
      response.writeHead(403).end("not your channel");
      return;
    }
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ token: carillon.authenticateChannel(socketId, channel, member) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text);
}

/** The app that `carillon dev` begins with. */
const DEV_APP = { appId: "1001", key: "app-key", secret: "app-secret" };

describe("the server SDK and the client", () => {
  test("an event that the server declares and publishes reaches the client, whose auth endpoint it makes tokens for", async () => {
    await using dev = await CarillonProcess.start("dev");
    const carillon = new CarillonServer<Channels>({ ...DEV_APP, host: dev.url });
    await using endpoint = await startEndpoint(carillon);
    await using client = new RealtimeClient<Channels>(DEV_APP.key, {
      host: dev.url,
      authEndpoint: endpoint.url,
      WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
    });
    const orders: number[] = [];
    const own = client.subscribe("private-user-42");
    own.bind("order.created", ({ id }) => orders.push(id));
    const lobby = client.subscribe("presence-lobby");
    const other = client.subscribe("private-user-7");
    await eventually(() => {
      expect([own, lobby, other].map(({ state }) => state.status)).toEqual(["subscribed", "subscribed", "failed"]);
    });
    expect(lobby.presence.me).toEqual({ id: "42", info: { name: "Ann" } });
    await carillon.trigger("private-user-42", "order.created", { id: 7 });
    await carillon.trigger("private-user-7", "order.created", { id: 8 });
    await carillon.trigger("private-user-42", "order.created", { id: 9 });
    await eventually(() => expect(orders).toEqual([7, 9]));
    expect((await carillon.channels.members("presence-lobby")).items).toEqual([{ id: "42", info: { name: "Ann" } }]);
  });

  test("the gateway refuses what another secret has signed, whatever the endpoint says", async () => {
    await using dev = await CarillonProcess.start("dev");
    await using endpoint = await startEndpoint(
      new CarillonServer<Channels>({ ...DEV_APP, secret: "x", host: dev.url }),
    );
    await using client = new RealtimeClient<Channels>(DEV_APP.key, {
      host: dev.url,
      authEndpoint: endpoint.url,
      WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
    });
    const own = client.subscribe("private-user-42");
    await eventually(() => expect(own.state).toMatchObject({ status: "failed", error: { code: "forbidden" } }));
    const carillon = new CarillonServer({ ...DEV_APP, secret: "x", host: dev.url });
    const error = await carillon.trigger("private-user-42", "e", 1).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(CarillonError);
    expect(error).toMatchObject({ code: "unauthorized" });
  });

  test("a user with a connection token is blocked, and its client stays away", async () => {
    await using dev = await CarillonProcess.start("dev");
    const carillon = new CarillonServer<Channels>({ ...DEV_APP, host: dev.url });
    await using client = new RealtimeClient<Channels>(DEV_APP.key, {
      host: dev.url,
      getToken: async () =>
        carillon.createToken({
          userId: "42",
          capabilities: { "private-user-42": ["subscribe"] },
          expiresInSeconds: 60,
        }),
      WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
    });
    const own = client.subscribe("private-user-42");
    await eventually(() => expect(own.state.status).toBe("subscribed"));
    expect(await carillon.blocks.add({ user: "42" }, { seconds: 60 })).toMatchObject({ disconnected: 1 });
    await eventually(() => expect(client.state).toMatchObject({ status: "closed", reason: { code: "blocked" } }));
  });
});
