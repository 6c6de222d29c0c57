import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { CHART, ENOUGH, renderWith } from "./support/chart.ts";
import { at } from "./support/kubernetes-object.ts";

/** The chart with both, its dependencies in place: the real one of Carillon, and of NATS one that shows what it was given. */
async function assemble(into: string): Promise<string> {
  const folder = join(into, "with-nats");
  await cp(join(CHART, "../with-nats"), folder, { recursive: true });
  await cp(CHART, join(folder, "charts/carillon"), { recursive: true });
  await mkdir(join(folder, "charts/nats/templates"), { recursive: true });
  await writeFile(join(folder, "charts/nats/Chart.yaml"), "apiVersion: v2\nname: nats\nversion: 1.3.0\n");
  await writeFile(
    join(folder, "charts/nats/templates/given.yaml"),
    "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: given }\ndata: { values: {{ toJson .Values | quote }} }\n",
  );
  return folder;
}

test("the chart with NATS in it renders, names the server that it starts, and leaves it out where that is wanted", async () => {
  const folder = await mkdtemp(join(tmpdir(), "carillon-with-nats-"));
  try {
    const chart = await assemble(folder);
    const both = await renderWith({ chart });
    const given: unknown = JSON.parse(both.file("given", "values"));
    const server = `nats://${String(at(given, "fullnameOverride"))}:4222`;
    expect(at(parse(both.file("carillon", "carillon.yaml")), "nats.servers")).toEqual([server]);
    expect(at(given, "config.jetstream.enabled")).toBe(true);
    const alone = await renderWith({ chart, values: [{ nats: { enabled: false } }] });
    expect(alone.find("ConfigMap", "given")).toBeUndefined();
    expect(alone.find("Deployment", "carillon-gateway")).toBeDefined();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a chart that has Carillon as a part can switch it by its condition", async () => {
  const folder = await mkdtemp(join(tmpdir(), "carillon-part-"));
  try {
    const dependency = { name: "carillon", version: "x.x.x", condition: "carillon.enabled" };
    const chart = { apiVersion: "v2", name: "platform", version: "1.0.0", dependencies: [dependency] };
    await writeFile(join(folder, "Chart.yaml"), stringify(chart));
    await writeFile(join(folder, "values.yaml"), "carillon: { enabled: false }\n");
    await cp(CHART, join(folder, "charts/carillon"), { recursive: true });
    const switchedOff = await renderWith({ chart: folder });
    expect(switchedOff.objects).toEqual([]);
    const switchedOn = await renderWith({ chart: folder, values: [{ carillon: { ...ENOUGH, enabled: true } }] });
    expect(switchedOn.find("Deployment", "carillon-gateway")).toBeDefined();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("it wants the version of Carillon's chart that there is", async () => {
  const own: unknown = parse(await readFile(join(CHART, "Chart.yaml"), "utf8"));
  const both: unknown = parse(await readFile(join(CHART, "../with-nats/Chart.yaml"), "utf8"));
  expect(at(both, "dependencies.0.version")).toBe(at(own, "version"));
});
