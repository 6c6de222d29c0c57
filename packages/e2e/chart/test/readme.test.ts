import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT, run } from "../../test/support/run.ts";
import { CHART } from "./support/chart.ts";
import { ensured } from "./support/tools.ts";

test("the chart's README is what helm-docs makes of values.yaml (`make chart-docs` writes it)", async () => {
  const folder = await mkdtemp(join(tmpdir(), "carillon-readme-"));
  try {
    await cp(CHART, join(folder, "carillon"), { recursive: true });
    await rm(join(folder, "carillon/README.md"));
    const args = ["--chart-search-root", folder, "--sort-values-order", "file"];
    expect(await run(ensured("helm-docs"), args)).toMatchObject({ code: 0 });
    expect(await readFile(join(folder, "carillon/README.md"), "utf8")).toBe(
      await readFile(join(CHART, "README.md"), "utf8"),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("every value that docs/kubernetes.md names is one", async () => {
  const page = await readFile(join(ROOT, "docs/kubernetes.md"), "utf8");
  const readme = await readFile(join(CHART, "README.md"), "utf8");
  const known = [...readme.matchAll(/^\| ([\w.]+) \|/gm)].map(([, key]) => key as string);
  const sections = new Set(
    known.flatMap((key) => key.split(".").map((_, index, parts) => parts.slice(0, index + 1).join("."))),
  );
  const roots = [...new Set(known.map((key) => key.split(".")[0]))];
  const named = [...page.matchAll(/`([a-z]\w*(?:\.\w+)+)(?:=[^`]*)?`/g)].map(([, key]) => key as string);
  const values = named.filter((key) => roots.includes(key.split(".")[0] as string));
  expect(values.length).toBeGreaterThan(10);
  // Below these stand settings of Carillon itself.
  const isOther = (key: string) => /^config\.(apps|channels|gateway|publisher|webhooks|nats|log|tracing)\./.test(key);
  expect(values.filter((key) => !sections.has(key) && !isOther(key))).toEqual([]);
});
