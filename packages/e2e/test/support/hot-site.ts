import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { bundlePages, pageOf } from "./page-bundle.ts";

/** The module that the bundler has made of hot-client.ts, where another one imports it: its name may have a number. */
const CLIENT = /\.\/hot-client\d*\.js/g;

/**
 * Serves the page of test/pages/hot.tsx as modules, as a bundler's development server does. Another version of a module is another
 * address: `/hot-view.js?version=2&client=1`, where `client` says which version of the client's module the components import.
 */
export class HotSite implements AsyncDisposable {
  readonly url: string;
  readonly #close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async start(host: string): Promise<HotSite> {
    const modules = await bundlePages("hot.tsx", "hot-view.tsx", "hot-client.ts");
    const page = pageOf('import "/hot.js";', { host });
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://site");
      const code = modules.get(pathname.slice(1));
      response.setHeader("content-type", `${code === undefined ? "text/html" : "text/javascript"}; charset=utf-8`);
      response.end(code?.replace(CLIENT, (address) => `${address}?${searchParams.get("client")}`) ?? page);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const close = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    return new HotSite(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, close);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
