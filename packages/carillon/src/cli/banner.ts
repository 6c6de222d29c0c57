import type { AppSettings } from "@carillon/core";
import { type Config, DEV_APP } from "@carillon/service";
import type { RunningAddresses } from "../carillon-process.ts";

/** What `carillon dev` prints for the person who started it: where things are, the app's keys, a Pusher client and a curl to paste. */
export function banner(config: Config, addresses: RunningAddresses): string {
  const [app] = config.apps;
  if (app === undefined) return "";
  const [url = "", webSocketUrl = "", adminUrl] = [addresses.url, addresses.webSocketUrl, addresses.adminUrl].map(
    reachable,
  );
  const bus = config.nats.servers.length > 0 ? "NATS" : "in this process";
  return `
  Carillon is running                     bus: ${bus}

  demo page    ${url}/
  WebSocket    ${webSocketUrl}
  publish      POST ${url}/publish
  Pusher SDKs  ${pusherConstructor(app, url)}
  metrics      ${adminUrl}/metrics

  app id       ${app.id}
  app key      ${app.key}
  app secret   ${app.secrets[0] ?? ""}

  pusher-js, Laravel Echo:
  ${pusherClient(app, webSocketUrl)}

  Open the demo page, subscribe to user-42, then paste:

  curl -i ${url}/publish -H 'content-type: application/json' -H 'x-publish-secret: ${app.publishSecret ?? ""}' \\
    -d '{"channel":"user-42","event":"order.created","payload":{"id":1}}'

`;
}

/** What pusher-js is made with in a page. */
function pusherClient({ key }: AppSettings, webSocketUrl: string): string {
  const { hostname, port } = new URL(webSocketUrl);
  const [appKey, host] = [key, hostname].map((each) => JSON.stringify(each));
  return `new Pusher(${appKey}, { cluster: "any", wsHost: ${host}, wsPort: ${port || 80}, forceTLS: false, enabledTransports: ["ws"] })`;
}

/** What Pusher's server SDK for Node is made with. Only a secret that everybody knows is written out, for pasting. */
function pusherConstructor({ id, key, secrets: [secret = ""] }: AppSettings, url: string): string {
  const { hostname, port } = new URL(url);
  const [appId, appKey, host] = [id, key, hostname].map((each) => JSON.stringify(each));
  const shown = secret === DEV_APP.secrets[0] ? JSON.stringify(secret) : "process.env.APP_SECRET";
  return `new Pusher({ appId: ${appId}, key: ${appKey}, secret: ${shown}, host: ${host}, port: ${port || 80}, useTLS: false })`;
}

/** An address that listens on all interfaces is no address to open: on this machine it is loopback. */
function reachable(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}
