import { createServer } from "node:http";

/** Longer than any pause between two publishes here: a publisher keeps its connections, as one behind a proxy does. */
const KEEP_ALIVE_MS = 120_000;

/** An HTTP server with the guide's `POST /publish`: hands each event to `publish` and answers 204. No secret is asked for. */
export function publishServer(publish) {
  const server = createServer((request, response) => {
    if (request.method !== "POST" || request.url !== "/publish") return;
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      publish(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(204).end();
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  return server;
}
