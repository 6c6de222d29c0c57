import type { Config } from "@carillon/service";
import type { RunningAddresses } from "../carillon-process.ts";

/** What `carillon dev` prints for the person who started it: where things are, the app's keys, and a curl to paste. */
export function banner(config: Config, addresses: RunningAddresses): string {
  const [app] = config.apps;
  if (app === undefined) return "";
  const url = addresses.url.replace("0.0.0.0", "127.0.0.1");
  const webSocketUrl = addresses.webSocketUrl.replace("0.0.0.0", "127.0.0.1");
  const bus = config.nats.servers.length > 0 ? "NATS" : "in this process";
  return `
  Carillon is running                     bus: ${bus}

  demo page    ${url}/
  WebSocket    ${webSocketUrl}
  publish      POST ${url}/publish
  metrics      ${addresses.adminUrl}/metrics

  app id       ${app.id}
  app key      ${app.key}
  app secret   ${app.secrets[0] ?? ""}

  Open the demo page, subscribe to user-42, then paste:

  curl -i ${url}/publish -H 'content-type: application/json' -H 'x-publish-secret: ${app.publishSecret ?? ""}' \\
    -d '{"channel":"user-42","event":"order.created","payload":{"id":1}}'

`;
}
