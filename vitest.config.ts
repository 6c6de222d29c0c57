import { defineConfig } from "vitest/config";

// Tests run from source: each package's `exports` names its source under this condition, so nothing has to be built first.
const conditions = ["@carillon/source"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    exclude: ["packages/e2e/**"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Real servers run beside the tests, so more workers than cores only makes deadlines pass.
    maxWorkers: 2,
    pool: "forks",
  },
});
