import { existsSync } from "node:fs";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { eventually, NatsServer } from "../src/index.ts";

/** The first line that the server sends to whoever connects. */
function greeting(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("data", (data) => {
      socket.destroy();
      resolve(data.toString("utf8"));
    });
  });
}

describe("NatsServer", () => {
  it("start › a wrong configuration fails with the server's own words", async () => {
    await expect(NatsServer.start({ config: { no_such_option: true } })).rejects.toThrow(/no_such_option/);
  });

  it("restart › keeps the ports and the store, and stop removes the files", async () => {
    const server = await NatsServer.start({ jetStream: true });
    const { url, monitorUrl } = server;
    const page = await server.monitor<{ config: { store_dir: string } }>("/jsz");
    await server.kill();
    await expect(greeting(server.port)).rejects.toThrow();
    await server.restart();
    expect([server.url, server.monitorUrl]).toEqual([url, monitorUrl]);
    expect(await greeting(server.port)).toMatch(/^INFO \{/);
    expect((await server.monitor<{ config: { store_dir: string } }>("/jsz")).config.store_dir).toBe(
      page.config.store_dir,
    );
    await server.pause();
    await server.stop();
    expect(existsSync(page.config.store_dir)).toBe(false);
    await eventually(() => expect(() => process.kill(server.pid, 0)).toThrow());
  });
});
