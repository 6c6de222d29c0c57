import { describe, expect, it } from "vitest";
import { type CpuProfile, callTree } from "../bench/flame/cpu-profile.ts";
import { flameGraph } from "../bench/flame/flame-graph.ts";

function node(id: number, functionName: string, children: readonly number[] = []): CpuProfile["nodes"][number] {
  return { id, callFrame: { functionName, url: "file:///somewhere/packages/a/dist/b.js", lineNumber: 1 }, children };
}

const PROFILE: CpuProfile = {
  nodes: [node(1, "(root)", [2, 3, 5]), node(2, "outer", [4]), node(3, "(idle)"), node(4, "<inner>"), node(5, "outer")],
  samples: [2, 4, 3, 5],
  timeDeltas: [10, 30, 1_000, 20],
};

describe("flame graph", () => {
  it("adds up what the same function took, callees included, and leaves idle time out", () => {
    const tree = callTree(PROFILE);
    expect(tree.us).toBe(60);
    const [outer] = tree.callees.values();
    expect(outer).toMatchObject({ name: "outer", place: "packages/a/dist/b.js:2", us: 60 });
    expect([...(outer?.callees.values() ?? [])].map(({ name, us }) => [name, us])).toEqual([["<inner>", 30]]);
  });

  it("draws each function as wide as its share, with names that are text", () => {
    const svg = flameGraph(callTree(PROFILE), "a & b");
    expect(svg).toContain("a &amp; b");
    expect(svg).toContain('width="599.5"');
    expect(svg).toContain("<title>&lt;inner&gt; packages/a/dist/b.js:2 50.0 %</title>");
    expect(svg).not.toContain("(idle)");
  });
});
