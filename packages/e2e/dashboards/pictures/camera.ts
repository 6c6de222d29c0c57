import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { REPOSITORY } from "../../image/files.ts";

/** Takes pictures of pages with the machine's own Chromium. */
export class Camera implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<Camera> {
    const script = join(REPOSITORY, "packages/testkit/tools/ensure-chromium.mjs");
    const executablePath = execFileSync(process.execPath, [script], { encoding: "utf8" }).trim();
    return new Camera(await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] }));
  }

  /** Writes the whole page as a PNG. */
  async shoot(html: string, { path, width }: { readonly path: string; readonly width: number }): Promise<void> {
    const page = await this.#browser.newPage({ viewport: { width, height: 600 } });
    await page.setContent(html);
    await page.screenshot({ path, fullPage: true });
    await page.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
