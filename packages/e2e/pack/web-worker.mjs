import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ENSURE = fileURLToPath(new URL("../../testkit/tools/ensure-chromium.mjs", import.meta.url));

/**
 * Runs a script, given as text, as a Web Worker of a page in Chromium. It is sent `host`, says "subscribed" once, upon which
 * `publish` is called; resolves with what it says next.
 */
export async function askWebWorker(script, { host, publish }) {
  const site = createServer((request, response) => {
    const isScript = request.url === "/worker.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : "<!doctype html><title>Orders</title>");
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  const executablePath = execFileSync(process.execPath, [ENSURE], { encoding: "utf8" }).trim();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    await page.exposeFunction("publish", publish);
    await page.goto(`http://127.0.0.1:${site.address().port}/`);
    return await page.evaluate(
      (origin) =>
        new Promise((resolve, reject) => {
          const worker = new Worker("/worker.js", { type: "module" });
          worker.onerror = ({ message }) => reject(new Error(message));
          worker.onmessage = ({ data }) => (data === "subscribed" ? void window.publish() : resolve(data));
          worker.postMessage(origin);
        }),
      host,
    );
  } finally {
    await browser.close();
    site.closeAllConnections();
    site.close();
  }
}
