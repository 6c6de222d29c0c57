import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** One HTML page on a port of its own: an application's site, of another origin than Carillon. */
export interface PageServer extends AsyncDisposable {
  readonly url: string;
}

/** Serves `html` at every path. */
export async function servePage(html: string): Promise<PageServer> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
