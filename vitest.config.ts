import { defineConfig } from "vitest/config";

// Tests run from source: each package's `exports` names its source under this condition, so nothing has to be built first.
// (The end-to-end tests start real processes, and those run what `make build` made.)
const conditions = ["@carillon/source"];
const resolution = { resolve: { conditions }, ssr: { resolve: { conditions } } };

/** Real processes, and more of them than there are cores: one file at a time. */
const endToEnd = (name: string, files: string, timeoutMs = 120_000) => ({
  ...resolution,
  test: {
    name,
    include: [files],
    pool: "forks" as const,
    fileParallelism: false,
    sequence: { groupOrder: 2 },
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
  },
});

/** Some processes with a few connections, which mostly wait for something: two files at a time. */
const endToEndTogether = (name: string, files: string) => {
  const { test } = endToEnd(name, files);
  return { ...resolution, test: { ...test, fileParallelism: true, sequence: { groupOrder: 1 } } };
};

export default defineConfig({
  test: {
    // Real servers run beside the tests: more workers than cores would only make deadlines pass.
    maxWorkers: 2,
    projects: [
      {
        ...resolution,
        test: {
          name: "packages",
          include: ["packages/*/test/**/*.test.{ts,tsx}", "loadtest/test/**/*.test.ts"],
          exclude: ["packages/e2e/**"],
          pool: "forks",
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      endToEndTogether("e2e", "packages/e2e/test/*.test.ts"),
      // Thousands of connections, or clusters that lose nodes against the clock.
      endToEnd("clusters", "packages/e2e/test/clusters/*.test.ts"),
      // The chart, rendered and checked by the tools of its users: `make chart-test`.
      endToEndTogether("chart", "packages/e2e/chart/test/**/*.test.ts"),
      // What takes minutes: `make soak`.
      endToEndTogether("soak-waiting", "packages/e2e/soak/waiting/*.test.ts"),
      endToEnd("soak", "packages/e2e/soak/*.test.ts"),
      // With the real k6: `make load-test`. Those who look for planted faults have forty clients, and mostly wait.
      endToEndTogether("load-faults", "loadtest/load-test/*faults.test.ts"),
      endToEnd("load", "loadtest/load-test/!(*faults).test.ts"),
      // The chart on a cluster: `make e2e-kube`.
      endToEnd("kube", "packages/e2e/kube/test/**/*.test.ts", 900_000),
      // What deploy/ has, with the programs that it is for: `make deploy-test`.
      endToEnd("deploy", "packages/e2e/deploy/**/*.test.ts"),
    ],
  },
});
