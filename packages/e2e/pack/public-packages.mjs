/**
 * The packages that are published. A new one is a further entry here, and its bundle one in PUBLISHED of the Makefile.
 *
 * `check` is JavaScript that uses `sdk`, the package's exports, and throws when something is wrong; `types` is TypeScript
 * that imports the package by its name. Sizes are in bytes; `minified` is what an application's bundle carries for all
 * exports, compressed.
 */
export const PUBLIC_PACKAGES = [
  {
    name: "@carillon/server",
    folder: "server",
    limits: { tarball: 95_000, unpacked: 320_000, minified: 17_000 },
    check: `
      const server = new sdk.CarillonServer({ appId: "1", key: "k", secret: "s", host: "http://127.0.0.1:1" });
      const token = server.authenticateChannel("1.2", "private-a");
      if (!/^k:[0-9a-f]{64}$/.test(token)) throw new Error("no channel token: " + token);
      try {
        server.authenticateChannel("x", "private-a");
      } catch (error) {
        if (!(error instanceof sdk.CarillonError) || error.code !== "invalid_field") throw error;
      }`,
    types: `
      import { CarillonError, CarillonServer, type TriggerResult } from "@carillon/server";
      type Channels = { orders: { created: { id: number } }; [name: \`private-\${string}\`]: { badge: number } };
      const server = new CarillonServer<Channels>({ appId: "1", key: "k", secret: "s", host: "http://127.0.0.1:1" });
      export const token: string = server.authenticateChannel("1.2", "private-a");
      export const results: Promise<TriggerResult>[] = [
        server.trigger("orders", "created", { id: 1 }),
        server.trigger("private-a", "badge", 3),
      ];
      // @ts-expect-error another payload
      server.trigger("orders", "created", { id: "1" });
      export const error: Error = new CarillonError("invalid_field", "x");`,
  },
];
