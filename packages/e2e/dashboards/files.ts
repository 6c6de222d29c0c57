import { app } from "./app.ts";
import { toGrafana } from "./dashboard.ts";
import { gateway } from "./gateway.ts";
import { nats } from "./nats.ts";
import { overview } from "./overview.ts";
import { publisher } from "./publisher.ts";

/** Where the dashboards stand, from the root of the repository: the chart and the compose file read them there. */
export const DASHBOARD_FOLDER = "helm/carillon/files/dashboards";

/** The content of each file by its name. */
export function dashboardFiles(): ReadonlyMap<string, string> {
  return new Map(
    [overview, gateway, publisher, nats, app].map((dashboard) => [
      `${dashboard.uid.replace("carillon-", "")}.json`,
      `${JSON.stringify(toGrafana(dashboard), null, 2)}\n`,
    ]),
  );
}
