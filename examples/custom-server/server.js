import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { CarillonServer } from "@carillon/server";
import { startCarillon } from "carillon";

const key = "app-key";
const secret = process.env.CARILLON_APP_SECRET ?? randomUUID();

// Carillon in this process, on a port of its own. `nats` would make it one of several.
const realtime = await startCarillon({
  port: Number(process.env.REALTIME_PORT ?? 8080),
  settings: { apps: [{ id: "1001", key, secrets: [secret] }] },
});
const realtimePort = new URL(realtime.webSocketUrl).port;
const carillon = new CarillonServer({ appId: "1001", key, secret, host: `http://127.0.0.1:${realtimePort}` });

const page = await readFile(new URL("index.html", import.meta.url), "utf8");
const client = await readFile(
  createRequire(import.meta.url)
    .resolve("@carillon/client")
    .replace(/[^/\\]+$/, "carillon-client.min.js"),
);
let orders = 0;

const server = createServer(async (request, response) => {
  if (request.method === "POST" && request.url === "/orders") {
    const order = { id: ++orders };
    try {
      await carillon.trigger("orders", "order.created", order);
      response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify(order));
    } catch (error) {
      console.error(error);
      response.writeHead(503).end();
    }
  } else if (request.url === "/client.js") {
    response.writeHead(200, { "content-type": "text/javascript" }).end(client);
  } else if (request.url === "/") {
    response
      .writeHead(200, { "content-type": "text/html; charset=utf-8" })
      .end(page.replace("REALTIME_PORT", realtimePort));
  } else {
    response.writeHead(404).end();
  }
});

server.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`open http://localhost:${server.address().port}`);
});

process.once("SIGTERM", async () => {
  server.close();
  server.closeIdleConnections();
  // Asks the pages to come back, and lets go of everything.
  await realtime.close();
});
