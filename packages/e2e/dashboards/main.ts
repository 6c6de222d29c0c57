// Writes the dashboards of Grafana, from what stands beside this file: `make dashboards`.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DASHBOARD_FOLDER, dashboardFiles } from "./files.ts";

mkdirSync(DASHBOARD_FOLDER, { recursive: true });
for (const [name, content] of dashboardFiles()) writeFileSync(join(DASHBOARD_FOLDER, name), content);
