import { type Dashboard, NAMESPACE, type Variable } from "./dashboard.ts";
import { ALL, line, perSecond, total } from "./expressions.ts";

const OF_APP = `${ALL},app=~"$app"`;

const APP: Variable = {
  name: "app",
  label: "App",
  query: 'label_values(carillon_app_events_published_total{namespace=~"$namespace"}, app)',
};

/** One app. There is a label for the first 100 of the configuration. */
export const app: Dashboard = {
  uid: "carillon-app",
  title: "Carillon / One app",
  description: "What one app uses. The first 100 apps of the configuration have a name here, the others are other.",
  variables: [NAMESPACE, APP],
  rows: [
    {
      title: "Now",
      panels: [
        {
          title: "Connections",
          description: "Open connections of the app.",
          unit: "short",
          isStat: true,
          width: 8,
          queries: [line("", total("carillon_app_connections", OF_APP))],
        },
        {
          title: "Events a second",
          description: "Events accepted for publishing.",
          unit: "ops",
          isStat: true,
          width: 8,
          queries: [line("", perSecond("carillon_app_events_published_total", OF_APP))],
        },
        {
          title: "Share of all deliveries",
          description: "How much of the cluster's fan-out is for this app.",
          unit: "percentunit",
          isStat: true,
          width: 8,
          queries: [
            line(
              "",
              `${perSecond("carillon_app_deliveries_total", OF_APP)} / ${perSecond("carillon_app_deliveries_total", ALL)}`,
            ),
          ],
        },
      ],
    },
    {
      title: "Over time",
      panels: [
        {
          title: "Connections",
          description: "By gateway.",
          unit: "short",
          isStacked: true,
          queries: [line("{{instance}}", total("carillon_app_connections", OF_APP, "instance"))],
        },
        {
          title: "Events",
          description: "By what took them: publishers, and gateways for what clients publish.",
          unit: "ops",
          isStacked: true,
          queries: [line("{{role}}", perSecond("carillon_app_events_published_total", OF_APP, "role"))],
        },
        {
          title: "Deliveries",
          description: "One for each event and subscribed connection.",
          unit: "ops",
          isStacked: true,
          queries: [line("{{app}}", perSecond("carillon_app_deliveries_total", OF_APP, "app"))],
        },
      ],
    },
  ],
};
