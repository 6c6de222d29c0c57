/** What is run in every runtime: a client that connects, subscribes, and hears one event. */
export const LISTEN = `import { RealtimeClient } from "@carillon/client";
export async function listen({ host, channel: name, authorizeChannel, whenSubscribed }) {
  const client = new RealtimeClient("app-key", { host, ...(authorizeChannel ? { authorizeChannel } : {}) });
  try {
    const channel = client.subscribe(name);
    const heard = new Promise((resolve) => channel.bind("order.created", resolve));
    await new Promise((resolve, reject) => {
      channel.on("state", (state) => {
        if (state.status === "subscribed") resolve();
        if (state.status === "failed") reject(new Error("refused: " + JSON.stringify(state)));
      });
    });
    await whenSubscribed();
    return "heard " + (await heard).id + " by " + client.state.transport;
  } finally {
    client.close();
  }
}
`;

/** The same with the server SDK beside it, which lets the client onto a private channel and publishes. */
export const USE = `import { CarillonServer } from "@carillon/server";
import { listen } from "./listen.mjs";
export function use(host) {
  const server = new CarillonServer({ appId: "1001", key: "app-key", secret: "app-secret", host });
  return listen({
    host,
    channel: "private-user-1",
    authorizeChannel: async ({ channel, socketId }) => ({ token: server.authenticateChannel(socketId, channel) }),
    whenSubscribed: () => server.trigger("private-user-1", "order.created", { id: 7 }),
  });
}
`;

/** Prints what was heard, where there is a command line. */
export const COMMAND = `import process from "node:process";
import { use } from "./use.mjs";
console.log(await use(process.argv[2]));
`;

export const WORKERD = `import { use } from "./use.mjs";
export default { fetch: async (request) => new Response(await use(await request.text())) };
`;

/** In a browser's worker the client is alone: the server SDK has secrets. The page's origin is another one. */
export const WEB_WORKER = `import { listen } from "./listen.mjs";
addEventListener("message", ({ data: host }) => {
  const whenSubscribed = () => postMessage("subscribed");
  listen({ host, channel: "orders", whenSubscribed }).then(postMessage, (error) => postMessage("failed: " + error));
});
`;
