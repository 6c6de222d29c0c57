import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { NatsCluster } from "@carillon/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { carillon } from "../../test/support/run.ts";
import { renderWith, valuesFiles } from "./support/chart.ts";
import type { RenderedChart } from "./support/rendered-chart.ts";

const PLACE = "/etc/carillon";

/** A secret of its own for each name, as long as secrets should be. */
const secretFor = (name: string) => createHash("sha256").update(name).digest("hex");

/** Of a user of NATS that no server knows. */
const SEED = "SUALEYPWC6HIAAZEJYANKMIL3YPGOWUA7D4HUSBCKLLONFWNGI5F3BHWMA";

const CREDENTIALS = [
  "-----BEGIN NATS USER JWT-----",
  "e30.e30.e30",
  "------END NATS USER JWT------",
  "",
  "-----BEGIN USER NKEY SEED-----",
  SEED,
  "------END USER NKEY SEED------",
  "",
].join("\n");

/** What a file holds, by its name in the values. */
function contentOf(path: string): string {
  if (path.endsWith("/nkey.seed")) return SEED;
  return path.endsWith("/nats.creds") ? CREDENTIALS : secretFor(path);
}

/** Writes carillon.yaml and the files that it refers to into a folder, which takes the place of /etc/carillon. */
async function unpack(chart: RenderedChart, configMap: string): Promise<AsyncDisposable & { readonly file: string }> {
  const folder = await mkdtemp(join(tmpdir(), "carillon-mounted-"));
  const text = chart.file(configMap, "carillon.yaml");
  for (const [path] of text.matchAll(/\/etc\/carillon\/(?!config\/)[\w./-]+/g)) {
    const target = join(folder, path.slice(PLACE.length));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, contentOf(path));
  }
  const file = join(folder, "carillon.yaml");
  await writeFile(file, text.replaceAll(`${PLACE}/`, `${folder}/`));
  return { file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

const ROLES = ["gateway", "publisher", "webhooks"] as const;
// All roles read the same file, so one of them for each does.
const CASES = (await valuesFiles()).map((file, index) => ({
  name: basename(file, "-values.yaml"),
  file,
  role: ROLES[index % ROLES.length] as string,
}));

// Of three, as the replicas of the examples ask for. Nothing is written to it.
let nats: NatsCluster;
beforeAll(async () => {
  nats = await NatsCluster.start({ jetStream: true });
});
afterAll(() => nats.stop());

describe("what the chart makes of its examples is a configuration", () => {
  test.each(CASES)("ci/$name › `carillon doctor --role $role` accepts it", async ({ name, file, role }) => {
    const chart = await renderWith({ files: [file] });
    await using mounted = await unpack(chart, name === "extras" ? "realtime" : "carillon");
    const args = ["doctor", "--role", role, "--config", mounted.file, "--nats", nats.server(0).url, "--port", "0"];
    const { code, stdout } = await carillon([...args, "--admin-port", "0"], { APP_SECRET: secretFor("APP_SECRET") });
    expect(stdout).toMatch(/^ok {4}configuration/m);
    expect(stdout).not.toMatch(/^(BAD|note) {1,2}configuration/m);
    // Those with TLS or with keys of NATS can't be at home at this one.
    if (!/caFile|credsFile|nkeySeed/.test(chart.text)) expect({ code, stdout }).toMatchObject({ code: 0 });
  });
});
