import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const FILES = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/client.js": ["node_modules/@carillon/client/dist/carillon-client.min.js", "text/javascript"],
};

const server = createServer(async (request, response) => {
  const [file, type] = FILES[new URL(request.url, "http://localhost").pathname] ?? [];
  if (file === undefined) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": type }).end(await readFile(new URL(file, import.meta.url)));
});

server.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`open http://localhost:${server.address().port}`);
});
