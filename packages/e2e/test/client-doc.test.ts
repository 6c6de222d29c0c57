import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { ROOT, run } from "./support/run.ts";

const load = createRequire(import.meta.url);

async function blocksOf(file: string, language: string): Promise<string[]> {
  const text = await readFile(join(ROOT, file), "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, code]) =>
    String(code),
  );
}

/** The mistakes that the compiler finds in a snippet, in an application's strict settings. */
function mistakesIn(name: string, code: string): string[] {
  const file = join(ROOT, "packages/e2e/test", name);
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts"],
    jsx: ts.JsxEmit.ReactJSX,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const readSource = host.getSourceFile.bind(host);
  host.getSourceFile = (path, ...rest) =>
    path === file ? ts.createSourceFile(path, code, ts.ScriptTarget.ES2022, true) : readSource(path, ...rest);
  const exists = host.fileExists.bind(host);
  host.fileExists = (path) => path === file || exists(path);
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

/** What a snippet takes for granted, as the page around it says it. */
const AROUND = `import { RealtimeClient, type Channel } from "@carillon/client";
declare function reloadOrders(): Promise<void>;
`;

test("every snippet of the client guide is what the compiler takes", async () => {
  const snippets = await blocksOf("docs/client.md", "ts");
  expect(snippets.length).toBeGreaterThan(4);
  for (const snippet of snippets) {
    const declared = [
      snippet.includes("const client") ? "" : "declare const client: RealtimeClient;",
      snippet.includes("const channel") ? "" : "declare const channel: Channel;",
    ];
    const code = `${AROUND}${declared.join("\n")}\n${snippet.replace(/^import .*$/gm, "")}\nexport {};`;
    expect({ snippet, mistakes: mistakesIn("snippet.ts", code) }).toEqual({ snippet, mistakes: [] });
  }
  const [component] = await blocksOf("docs/client.md", "tsx");
  expect(mistakesIn("snippet.tsx", String(component))).toEqual([]);
  expect(mistakesIn("snippet.tsx", String(component).replace("order.id", "order.idd"))).toEqual([]);
  expect(mistakesIn("snippet.tsx", String(component).replace("useEvent(", "useEvents("))).toHaveLength(1);
});

test("the readmes of client and hooks have snippets that the compiler takes", async () => {
  const [snippet] = await blocksOf("packages/client/README.md", "ts");
  expect([snippet]).toEqual(await blocksOf("docs/client.md", "ts").then((all) => all.slice(0, 1)));
  const [component] = await blocksOf("packages/react/README.md", "tsx");
  expect(mistakesIn("snippet.tsx", String(component))).toEqual([]);
});

test("components that use hooks say that they run in the browser, as the App Router of Next.js wants it", async () => {
  for (const page of ["docs/client.md", "packages/react/README.md"]) {
    const components = await blocksOf(page, "tsx");
    expect(components.length).toBeGreaterThan(0);
    for (const component of components) expect(component).toMatch(/^"use client";\n/);
  }
});

test("its first snippet shows an order that is published", async () => {
  await using carillon = await CarillonProcess.start("dev");
  const [snippet] = await blocksOf("docs/client.md", "ts");
  const code = String(snippet).replace("ws://127.0.0.1:8080", carillon.url);
  const program = `import { WebSocket } from ${JSON.stringify(load.resolve("ws").replace(/index\.js$/, "wrapper.mjs"))};
    globalThis.WebSocket = WebSocket;
    ${code}
    channel.bind("order.created", () => client.close());`;
  const running = run(process.execPath, ["--input-type=module", "-e", program]);
  await expect.poll(() => carillon.metric("carillon_subscriptions"), { timeout: 15_000 }).toBe(1);
  await carillon.publish({ channel: "user-42", event: "order.created", payload: { id: 7 } });
  expect(await running).toMatchObject({ code: 0, stdout: expect.stringContaining("new order 7") });
});
