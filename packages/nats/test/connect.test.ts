import { createServer, type Socket } from "node:net";
import { BusUnavailableError } from "@carillon/core";
import { eventually, NatsServer, NatsTestCertificates } from "@carillon/testkit";
import { nkeys } from "nats";
import { describe, expect, it } from "vitest";
import { connectNatsBus, type NatsAuth, type NatsBusOptions, type NatsTlsSettings } from "../src/index.ts";
import { parseServer } from "../src/options.ts";
import { operatorSetup } from "./support/credentials.ts";
import { bytes, listen } from "./support/helpers.ts";

const decoder = new TextDecoder();

async function expectToWork(options: NatsBusOptions): Promise<void> {
  const bus = await connectNatsBus(options);
  const receiver = await listen(bus, "app", "works");
  await bus.publish(receiver, bytes("yes"));
  await eventually(() => expect(receiver.texts).toEqual(["yes"]));
  await bus.close();
}

async function refusalOf(options: NatsBusOptions): Promise<Error> {
  const error: unknown = await connectNatsBus(options).then(
    (bus) => bus.close(),
    (reason: unknown) => reason,
  );
  if (!(error instanceof BusUnavailableError)) throw new Error(`expected a BusUnavailableError, got ${String(error)}`);
  return error;
}

describe("credentials", () => {
  it("user and password › the right ones work; wrong and missing ones are refused at once, without naming them", async () => {
    await using server = await NatsServer.start({ user: "gateway", password: "right-one" });
    const right: NatsAuth = { kind: "user", user: "gateway", password: "right-one" };
    await expectToWork({ servers: [server.url], auth: right });
    const wrong = await refusalOf({ servers: [server.url], auth: { ...right, password: "wrong-one" } });
    expect(wrong.message).toBe(`NATS at 127.0.0.1:${server.port} refused the credentials: check nats.credentials`);
    expect((await refusalOf({ servers: [server.url] })).message).toMatch(/refused the credentials/);
  });

  it("token › works, a wrong one is refused", async () => {
    await using server = await NatsServer.start({ token: "a-token" });
    await expectToWork({ servers: [server.url], auth: { kind: "token", token: "a-token" } });
    const refusal = await refusalOf({ servers: [server.url], auth: { kind: "token", token: "other" } });
    expect(refusal.message).toMatch(/refused the credentials/);
  });

  it("nkey › the seed of the configured user works, another one's is refused", async () => {
    const [user, stranger] = [nkeys.createUser(), nkeys.createUser()];
    await using server = await NatsServer.start({ nkey: user.getPublicKey() });
    await expectToWork({ servers: [server.url], auth: { kind: "nkey", seed: decoder.decode(user.getSeed()) } });
    const auth: NatsAuth = { kind: "nkey", seed: decoder.decode(stranger.getSeed()) };
    expect((await refusalOf({ servers: [server.url], auth })).message).toMatch(/refused the credentials/);
  });

  it("creds › a user of an account works, one of a foreign account is refused", async () => {
    const [setup, foreign] = [operatorSetup(), operatorSetup()];
    await using server = await NatsServer.start({ config: setup.config });
    await expectToWork({ servers: [server.url], auth: { kind: "creds", content: setup.creds } });
    const refusal = await refusalOf({ servers: [server.url], auth: { kind: "creds", content: foreign.creds } });
    expect(refusal.message).toMatch(/refused the credentials/);
  });

  it("malformed › is a TypeError that doesn't repeat the secret", async () => {
    const servers = ["nats://127.0.0.1:1"];
    const auths: NatsAuth[] = [
      { kind: "nkey", seed: "SUSECRET" },
      { kind: "creds", content: "SUSECRET" },
    ];
    for (const auth of auths) {
      const refused = connectNatsBus({ servers, auth });
      await expect(refused).rejects.toThrow(TypeError);
      await expect(refused).rejects.not.toThrow(/SUSECRET/);
    }
    const withPassword = connectNatsBus({ servers: ["nats://user:SUSECRET@127.0.0.1:4222"] });
    await expect(withPassword).rejects.toThrow(/credentials go into auth/);
    await expect(withPassword).rejects.not.toThrow(/SUSECRET/);
    await expect(connectNatsBus({ servers: [] })).rejects.toThrow(/at least one NATS server/);
    await expect(connectNatsBus({ servers, prefix: "a b" })).rejects.toThrow(TypeError);
  });

  it("rotation › a node whose credentials are refused for a while comes back when they are accepted again", async () => {
    await using server = await NatsServer.start({ user: "gateway", password: "same" });
    const auth: NatsAuth = { kind: "user", user: "gateway", password: "same" };
    const bus = await connectNatsBus({ servers: [server.url], auth });
    const { port } = server;
    await server.kill();
    const strict = await NatsServer.start({ user: "gateway", password: "other", config: { port } });
    await eventually(() => expect(strict.output.match(/authentication error/g)?.length ?? 0).toBeGreaterThan(3));
    expect(bus.status).toBe("disconnected");
    await strict.stop();
    await server.restart();
    await eventually(() => expect(bus.status).toBe("connected"));
    await bus.close();
  });

  it("rotation › a secret that a function gives is asked for at each connect", async () => {
    await using server = await NatsServer.start({ user: "gateway", password: "old" });
    let password = "old";
    const auth = (): NatsAuth => ({ kind: "user", user: "gateway", password });
    const bus = await connectNatsBus({ servers: [server.url], auth });
    const { port } = server;
    await server.kill();
    await using rotated = await NatsServer.start({ user: "gateway", password: "new", config: { port } });
    await eventually(() => expect(rotated.output).toMatch(/authentication error/));
    password = "new";
    await eventually(() => expect(bus.status).toBe("connected"));
    await bus.close();
  });
});

describe("TLS", () => {
  const settings = (certificates: NatsTestCertificates, more: NatsTlsSettings = {}): NatsTlsSettings => {
    return { ca: certificates.ca, serverName: "localhost", ...more };
  };

  it("own authority › is trusted when given, refused when not, also with TLS first", async () => {
    await using certificates = await NatsTestCertificates.create();
    for (const handshakeFirst of [false, true]) {
      const { certFile, keyFile } = certificates.server;
      await using server = await NatsServer.start({ tls: { certFile, keyFile, handshakeFirst } });
      await expectToWork({ servers: [server.url], tls: settings(certificates, { handshakeFirst }) });
      const refusal = await refusalOf({ servers: [`tls://127.0.0.1:${server.port}`], tls: { handshakeFirst } });
      expect(refusal.message).toMatch(/certificate of NATS at 127\.0\.0\.1:\d+ is not trusted .*check nats\.tls/);
    }
  });

  it("by address › a certificate for the address is taken without further settings, one for another address isn't", async () => {
    await using right = await NatsTestCertificates.create({ serverNames: ["IP:127.0.0.1"] });
    await using wrong = await NatsTestCertificates.create({ serverNames: ["IP:127.0.0.2", "DNS:nats"] });
    for (const handshakeFirst of [false, true]) {
      const { certFile, keyFile } = right.server;
      await using server = await NatsServer.start({ tls: { certFile, keyFile, handshakeFirst } });
      await expectToWork({ servers: [server.url], tls: { ca: right.ca, handshakeFirst } });
    }
    await using server = await NatsServer.start({ tls: wrong.server });
    const refusal = await refusalOf({ servers: [server.url], tls: { ca: wrong.ca } });
    expect(refusal.message).toMatch(/is not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\)/);
  });

  it("wrong name › a certificate for another host is refused", async () => {
    await using certificates = await NatsTestCertificates.create();
    const { certFile, keyFile } = certificates.server;
    await using server = await NatsServer.start({ tls: { certFile, keyFile } });
    const refusal = await refusalOf({
      servers: [server.url],
      tls: settings(certificates, { serverName: "nats.example.com" }),
    });
    expect(refusal.message).toMatch(/is not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\)/);
  });

  it("client certificate › lets a node in where the server asks for one", async () => {
    await using certificates = await NatsTestCertificates.create();
    const { certFile, keyFile } = certificates.server;
    await using server = await NatsServer.start({ tls: { certFile, keyFile, caFile: certificates.caFile } });
    const { cert, key } = certificates.client;
    await expectToWork({ servers: [server.url], tls: settings(certificates, { cert, key }) });
    await using others = await NatsTestCertificates.create();
    const unknown = { cert: others.client.cert, key: others.client.key };
    for (const more of [{}, unknown]) {
      const refusal = await refusalOf({
        servers: [server.url],
        tls: settings(certificates, more),
        connectTimeoutMs: 500,
      });
      expect(refusal.message).toMatch(/client certificate .*nats\.tls\.certFile and nats\.tls\.keyFile/);
    }
    await using first = await NatsServer.start({
      tls: { certFile, keyFile, caFile: certificates.caFile, handshakeFirst: true },
    });
    const refusal = await refusalOf({ servers: [first.url], tls: settings(certificates, { handshakeFirst: true }) });
    expect(refusal.message).toMatch(/wants a client certificate that it trusts \(ERR_SSL_/);
  });

  it("TLS first › where the server has it and the node hasn't, the setting is named", async () => {
    await using certificates = await NatsTestCertificates.create();
    const { certFile, keyFile } = certificates.server;
    await using server = await NatsServer.start({ tls: { certFile, keyFile, handshakeFirst: true } });
    const refusal = await refusalOf({ servers: [server.url], tls: settings(certificates), connectTimeoutMs: 500 });
    expect(refusal.message).toMatch(/can't be reached .*nats\.tls\.handshakeFirst/);
  });

  it("rotation › authority and certificates that a function gives are asked for at each connect", async () => {
    await using before = await NatsTestCertificates.create();
    await using after = await NatsTestCertificates.create();
    const { certFile, keyFile } = before.server;
    await using server = await NatsServer.start({ tls: { certFile, keyFile, caFile: before.caFile } });
    let certificates = before;
    const tls = () => settings(certificates, { cert: certificates.client.cert, key: certificates.client.key });
    const bus = await connectNatsBus({ servers: [server.url], tls });
    const { port } = server;
    await server.kill();
    const renewed = { certFile: after.server.certFile, keyFile: after.server.keyFile, caFile: after.caFile };
    await using _rotated = await NatsServer.start({ tls: renewed, config: { port } });
    certificates = after;
    await eventually(() => expect(bus.status).toBe("connected"));
    await bus.close();
  });

  it("downgrade › a server without TLS is refused when TLS is asked for", async () => {
    await using server = await NatsServer.start();
    const refusal = await refusalOf({ servers: [`tls://127.0.0.1:${server.port}`] });
    expect(refusal.message).toMatch(/offers no TLS/);
  });
});

describe("start", () => {
  it("nobody there › is told after connectTimeoutMs with the address and what to do", async () => {
    const refusal = await refusalOf({ servers: ["nats://127.0.0.1:1", "127.0.0.1:2"], connectTimeoutMs: 300 });
    expect(refusal.message).toMatch(/^NATS can't be reached at 127\.0\.0\.1:1, 127\.0\.0\.1:2 \(.*start nats-server/);
  });

  it("silent peer › something that is no NATS server doesn't hang the start", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const refusal = await refusalOf({ servers: [`127.0.0.1:${port}`], connectTimeoutMs: 600 });
    expect(refusal.message).toMatch(/can't be reached/);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  });

  it("late server › is waited for", async () => {
    await using server = await NatsServer.start();
    await server.kill();
    const connecting = connectNatsBus({ servers: [server.url], connectTimeoutMs: 15_000 });
    await server.restart();
    const bus = await connecting;
    expect(bus.status).toBe("connected");
    await bus.close();
  });

  it("addresses › of every allowed shape are understood", () => {
    expect(parseServer("nats://n1.example.com:4223")).toEqual({
      host: "n1.example.com",
      hostAndPort: "n1.example.com:4223",
      isTls: false,
    });
    expect(parseServer("tls://n1")).toEqual({ host: "n1", hostAndPort: "n1:4222", isTls: true });
    expect(parseServer("[::1]:4222")).toEqual({ host: "::1", hostAndPort: "[::1]:4222", isTls: false });
    for (const wrong of ["", "ws://a", "nats://", "a:b", "a b", "nats://u:p@h:1"])
      expect(() => parseServer(wrong)).toThrow(TypeError);
  });
});
