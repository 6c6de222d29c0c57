import { copyFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, NatsServer, NatsTestCertificates } from "@carillon/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "carillon-rotation-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const at = (name: string) => join(folder, name);

/** As editors and mounted Secrets do it: the file is another one from one moment to the next. */
async function replace(name: string, source: string): Promise<void> {
  await copyFile(source, at(`${name}.next`));
  await rename(at(`${name}.next`), at(name));
}

async function startGateway(nats: Readonly<Record<string, unknown>>): Promise<CarillonProcess> {
  const apps = [{ id: "app", key: "key", secrets: ["a-secret-that-is-long-enough"] }];
  // JSON is YAML.
  await writeFile(at("carillon.yaml"), JSON.stringify({ apps, nats }));
  return await CarillonProcess.start("gateway", ["--config", at("carillon.yaml")]);
}

async function isReady(gateway: CarillonProcess): Promise<boolean> {
  return (await gateway.readiness()).status === 200;
}

describe("what a process shows to NATS is rotated while it runs", () => {
  test("a password: nobody restarts anything", async () => {
    await using server = await NatsServer.start({ user: "gateway", password: "old" });
    await writeFile(at("password"), "old");
    const credentials = { user: "gateway", password: `\${file:${at("password")}}` };
    await using gateway = await startGateway({ servers: [server.url], credentials });
    const { port } = server;
    await server.kill();
    await using rotated = await NatsServer.start({ user: "gateway", password: "new", config: { port } });
    await eventually(() => expect(rotated.output.match(/authentication error/g)?.length ?? 0).toBeGreaterThan(5));
    expect(await isReady(gateway)).toBe(false);
    // Tried several times a second, and told once.
    expect(gateway.log.match(/"nats_error"/g)).toHaveLength(1);
    await writeFile(at("password.next"), "new");
    await rename(at("password.next"), at("password"));
    await eventually(async () => expect(await isReady(gateway)).toBe(true));
  });

  test("authority and client certificate: nobody restarts anything", async () => {
    await using before = await NatsTestCertificates.create();
    await using after = await NatsTestCertificates.create();
    const show = async ({ caFile, client }: NatsTestCertificates) => {
      for (const [name, source] of [
        ["ca", caFile],
        ["cert", client.certFile],
        ["key", client.keyFile],
      ] as const)
        await replace(name, source);
    };
    await show(before);
    const { certFile, keyFile } = before.server;
    await using server = await NatsServer.start({ tls: { certFile, keyFile, caFile: before.caFile } });
    const tls = { caFile: at("ca"), certFile: at("cert"), keyFile: at("key") };
    await using gateway = await startGateway({ servers: [`tls://localhost:${server.port}`], tls });
    const { port } = server;
    await server.kill();
    const renewed = { certFile: after.server.certFile, keyFile: after.server.keyFile, caFile: after.caFile };
    await using _rotated = await NatsServer.start({ tls: renewed, config: { port } });
    expect(await isReady(gateway)).toBe(false);
    await show(after);
    await eventually(async () => expect(await isReady(gateway)).toBe(true));
  });
});
