import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import ts from "typescript";

const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const SDK = join(PACKAGE, "src/index.ts");

/** The code of a page of documentation, as an application that has it all. Ends with `await using`. */
export class Page implements AsyncDisposable {
  /** Files of the application: named by their first line, or by number. */
  readonly files: readonly string[];
  readonly #folder: string;

  private constructor(folder: string, files: readonly string[]) {
    this.#folder = folder;
    this.files = files;
  }

  /** Lays out the TypeScript of a page, with `host` where it names the development server. */
  static async open(file: URL, host: string): Promise<Page> {
    const text = await readFile(file, "utf8");
    // Inside the package, so that modules are found as from its own tests.
    const folder = await mkdtemp(join(PACKAGE, "test/.page-"));
    const files: string[] = [];
    for (const [, code = ""] of text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)) {
      const name = /^\/\/ (\S+\.ts)\n/.exec(code)?.[1] ?? `block-${files.length}.ts`;
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), code.replaceAll("http://127.0.0.1:8080", host));
      files.push(name);
    }
    return new Page(folder, files);
  }

  /** What the compiler finds wrong, by file. */
  problems(): readonly string[] {
    const program = ts.createProgram(
      this.files.map((name) => join(this.#folder, name)),
      {
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: true,
        allowImportingTsExtensions: true,
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
        customConditions: ["@carillon/source"],
        lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.esnext.disposable.d.ts"],
        types: [],
        paths: { "@/*": [join(this.#folder, "*")], "@carillon/server": [SDK] },
      },
    );
    return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
      return `${file?.fileName.replace(this.#folder, "") ?? ""}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    });
  }

  /** Runs a file and resolves with what it exports. */
  async run(name: string): Promise<Readonly<Record<string, unknown>>> {
    const bundle = await rolldown({
      input: join(this.#folder, name),
      platform: "neutral",
      resolve: {
        alias: { "@": this.#folder, "@carillon/server": SDK },
        conditionNames: ["@carillon/source", "import", "default"],
      },
    });
    const { output } = await bundle.generate({ format: "esm" });
    await bundle.close();
    // Each run is a module of its own.
    const code = `${output[0].code}\n// ${Math.random()}`;
    return import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`) as Promise<
      Record<string, unknown>
    >;
  }

  /** Runs a file and calls the handler that it exports. */
  async call(name: string, method: "GET" | "POST", request: RequestInit): Promise<Response> {
    const handler = (await this.run(name))[method] as (request: Request) => Promise<Response>;
    return handler(new Request("http://app.test/", { method, ...request }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }
}
