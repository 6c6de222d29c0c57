import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { eventually } from "@carillon/testkit";
import { expect, it } from "vitest";
import { Pair } from "./support/client.ts";

/** An application that gives out tokens, or doesn't. */
async function startApplication(answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What an application does that lets its user in. */
async function answerWithToken(request: IncomingMessage, response: ServerResponse, { gateway }: Pair): Promise<void> {
  const { socketId, channel } = (await json(request)) as { readonly socketId: string; readonly channel: string };
  response.end(JSON.stringify({ token: gateway.channelToken(socketId, channel) }));
}

it("an authEndpoint that answers a page, as where one has to log in, is told by what it answered, and not asked again", async () => {
  await using application = await startApplication(({ method }, response) => {
    if (method === "POST") response.writeHead(302, { location: "/login" }).end();
    else response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
  });
  const { url } = application;
  await using pair = await Pair.start({}, { authEndpoint: `${url}/auth` });
  const channel = pair.client.subscribe("private-a");
  await eventually(() => expect(channel.state.status).toBe("failed"));
  const message = `${url}/auth answered 200 (text/html, redirected to ${url}/login) instead of {"token":"…"} for private-a`;
  expect(channel.state).toMatchObject({ error: { code: "auth_failed", message, isRetryable: false } });
});

it.each([400, 401, 403, 404])("an authEndpoint that answers %d is not asked again", async (status) => {
  await using application = await startApplication((_request, response) => response.writeHead(status).end());
  await using pair = await Pair.start({}, { authEndpoint: application.url });
  const channel = pair.client.subscribe("private-a");
  await eventually(() => expect(channel.state).toMatchObject({ status: "failed", error: { isRetryable: false } }));
});

it.each([200, 408, 429, 500, 503])("an authEndpoint that answers %d, or breaks off, is asked again", async (status) => {
  let asked = 0;
  await using application = await startApplication((request, response) => {
    if (++asked === 1) {
      response.writeHead(status, { "content-length": status === 200 ? 100 : 1 }).write("{");
      setImmediate(() => response.destroy());
      return;
    }
    void answerWithToken(request, response, pair);
  });
  await using pair: Pair = await Pair.start({}, { authEndpoint: application.url });
  const channel = pair.client.subscribe("private-a");
  await eventually(() => expect(channel.state.status).toBe("subscribed"));
});

it("an authEndpoint that doesn't answer is told, and asked again", async () => {
  let asked = 0;
  await using application = await startApplication((request, response) => {
    if (++asked === 1) return;
    void answerWithToken(request, response, pair);
  });
  await using pair: Pair = await Pair.start({}, { authEndpoint: application.url, commandTimeoutMs: 500 });
  const channel = pair.client.subscribe("private-a");
  const errors: unknown[] = [];
  channel.on("error", (error) => errors.push(error));
  await eventually(() => expect(errors[0]).toMatchObject({ code: "auth_failed", isRetryable: true }));
  await eventually(() => expect(channel.state.status).toBe("subscribed"));
});
