import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { REPOSITORY } from "../../image/files.ts";

/** Of the pictures, from 0 to 1: small letters are still clear. */
const QUALITY = 0.8;

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

  /** The whole page as a WebP picture: half of what a PNG takes, and Chromium writes it as well. */
  async shoot(html: string, { width }: { readonly width: number }): Promise<Buffer> {
    const page = await this.#browser.newPage({ viewport: { width, height: 100 } });
    await page.setContent(html);
    const taken = await page.screenshot({ fullPage: true });
    const url = await page.evaluate(
      async ({ source, quality }) => {
        const image = new Image();
        image.src = source;
        await image.decode();
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.width, image.height];
        canvas.getContext("2d")?.drawImage(image, 0, 0);
        return canvas.toDataURL("image/webp", quality);
      },
      { source: `data:image/png;base64,${taken.toString("base64")}`, quality: QUALITY },
    );
    await page.close();
    return Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
