import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const ENSURE_CHROMIUM = fileURLToPath(new URL("../../../testkit/tools/ensure-chromium.mjs", import.meta.url));

/** Starts the machine's own Chromium, headless, with everything off that would look for servers elsewhere. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = execFileSync(process.execPath, [ENSURE_CHROMIUM], { encoding: "utf8" }).trim();
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Opens a page that has time, and whose own errors fail the test. */
export async function openPage(where: Browser | BrowserContext, url?: string): Promise<Page> {
  const page = await where.newPage();
  page.setDefaultTimeout(20_000);
  page.on("pageerror", (error) => {
    throw error;
  });
  if (url !== undefined) await page.goto(url);
  return page;
}
