// Draws every dashboard, out of what a real Prometheus has of a real cluster, and takes pictures: `make dashboard-pictures`.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DASHBOARD_FOLDER } from "../files.ts";
import { Camera } from "./camera.ts";
import { drawDashboard } from "./dashboard-page.ts";
import { dashboardsIn } from "./grafana-dashboard.ts";
import { PrometheusSource } from "./prometheus-source.ts";
import { Stage } from "./stage.ts";
import { Traffic } from "./traffic.ts";
import { choose } from "./variables.ts";

const WIDTH = 1216;
const STEP_SECONDS = 5;
const say = (line: string) => process.stdout.write(`${line}\n`);
const pause = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "6" },
    visitors: { type: "string", default: "150" },
    shift: { type: "string", default: "2000" },
    into: { type: "string", default: "docs/dashboards" },
    prometheus: { type: "string" },
    choose: { type: "string", multiple: true, default: [] },
  },
});
const seconds = Number(values.minutes) * 60;
const wanted = new Map(
  values.choose.map((text) => {
    const [name = "", chosen = ""] = text.split("=");
    return [name, chosen.split(",")] as const;
  }),
);

if (!(seconds >= 60)) {
  process.stderr.write('--minutes takes 1 or more: make dashboard-pictures ARGS="--minutes 6"\n');
  process.exitCode = 1;
} else if (values.prometheus !== undefined) {
  await takePictures(values.prometheus);
} else {
  await using stage = await Stage.up(Number(values.shift), (step) => say(`starting ${step} …`));
  await using _traffic = Traffic.begin({
    apps: stage.apps,
    publishUrl: stage.publishUrl,
    visitors: Number(values.visitors),
  });
  say(`traffic for ${values.minutes} minutes …`);
  await pause(seconds * 0.65);
  await stage.drainOne();
  await pause(seconds * 0.35);
  await takePictures(stage.prometheusUrl);
}

async function takePictures(prometheusUrl: string): Promise<void> {
  await using camera = await Camera.start();
  const source = new PrometheusSource(prometheusUrl);
  const to = Math.floor(Date.now() / 1000 / STEP_SECONDS) * STEP_SECONDS;
  const range = { from: to - seconds, to, step: STEP_SECONDS };
  await mkdir(values.into, { recursive: true });
  for (const dashboard of dashboardsIn(DASHBOARD_FOLDER)) {
    const choices = await choose(dashboard.templating.list, source, wanted);
    const { html, empty } = await drawDashboard(dashboard, { source, choices, range });
    const path = join(values.into, `${dashboard.name}.webp`);
    await writeFile(path, await camera.shoot(html, { width: WIDTH }));
    say(`${path}${empty.length === 0 ? "" : `: nothing to show in ${empty.join(", ")}`}`);
  }
}
