import { eventually, NatsCluster, NatsServer, type NatsServerOptions, requestNats } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { GUIDE_CONFIG, writeConfig } from "./support/config-file.ts";
import { carillon } from "./support/run.ts";

const HISTORY = 'channels: [{ match: "orders-*", history: { messages: 100, maxAge: 1h } }]\n';
const THREE_COPIES = "nats: { history: { replicas: 3 } }\n";
const HOOKS = GUIDE_CONFIG.replace(
  "limits:",
  'webhooks: [{ url: "http://127.0.0.1:9/hook", events: ["*"], allowPrivateNetwork: true }]\n    limits:',
);
const LISTEN = ["--port", "0", "--admin-port", "0"];

async function doctor(urls: readonly string[], yaml: string, role = "gateway") {
  const args = ["--config", await writeConfig(yaml), "--nats", urls.join(","), "--role", role, ...LISTEN];
  return await carillon(["doctor", ...args]);
}

/** Makes or changes a stream by JetStream's own API. */
async function makeStream(
  { port }: NatsServer,
  config: { readonly name: string } & Record<string, unknown>,
  verb = "CREATE",
) {
  const body = JSON.stringify({ storage: "file", ...config });
  await eventually(
    async () => {
      const made = await requestNats(port, `$JS.API.STREAM.${verb}.${config.name}`, body);
      expect(JSON.parse(made)).not.toHaveProperty("error");
    },
    { timeoutMs: 30_000 },
  );
}

/** As a publisher makes it at the first block. */
const BLOCKS_STREAM = {
  name: "CARILLON_BLOCKS",
  subjects: ["carillon.block.>"],
  republish: { src: "carillon.block.>", dest: "carillon.blocked.>", headers_only: true },
  discard: "new",
  allow_msg_ttl: true,
  allow_direct: true,
  max_msgs_per_subject: 1,
};

const withUser = (permissions: unknown): NatsServerOptions => ({
  jetStream: true,
  config: {
    authorization: {
      users: [
        { user: "u", password: "p", permissions },
        { user: "admin", password: "p" },
      ],
    },
  },
});

const CREDENTIALS = "nats: { credentials: { user: u, password: p } }\n";

describe("carillon doctor › JetStream", () => {
  test("before the first start › no stream is there, which is fine", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    const { code, stdout } = await doctor([nats.url], HOOKS + HISTORY, "dev");
    expect(stdout).toMatch(/ok\s+JetStream\s+enabled; 0\.0 MiB .*no limit of the account/);
    for (const subject of ["histories", "publish ids", "webhooks", "dead letters", "blocks"])
      expect(stdout).toMatch(new RegExp(`ok\\s+${subject}\\s+CARILLON_.*not there yet, which is fine`));
    expect(stdout).toMatch(/CARILLON_HIST_0, .*CARILLON_HIST_3: /);
    expect(code).toBe(0);
  });

  test("asks only for what the role has to do with", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    const publisher = await doctor([nats.url], HOOKS, "publisher");
    expect(publisher.stdout).not.toMatch(/HIST|HOOKS/);
    expect(publisher.stdout).toContain("CARILLON_ONCE");
    const worker = await doctor([nats.url], HOOKS + HISTORY, "webhooks");
    expect(worker.stdout).not.toMatch(/HIST|ONCE/);
    expect(worker.stdout).toContain("CARILLON_HOOKS_DEAD");
  });

  test("not enabled › bad where the configuration needs it, else a note; the account is told from the server", async () => {
    await using nats = await NatsServer.start();
    const needed = await doctor([nats.url], HOOKS + HISTORY);
    expect(needed.stdout).toMatch(
      /BAD\s+JetStream .*on NATS, and channels\[\]\.history and apps\[\]\.webhooks need it: add/,
    );
    expect(needed.code).toBe(69);
    const unneeded = await doctor([nats.url], GUIDE_CONFIG);
    expect(unneeded.stdout).toMatch(/note\s+JetStream .*nobody can be blocked/);
    expect(unneeded.code).toBe(0);
    const accounts = { A: { users: [{ user: "u", password: "p" }] }, B: { jetstream: "enabled", users: [] } };
    await using other = await NatsServer.start({ jetStream: true, config: { accounts } });
    const { stdout } = await doctor([other.url], GUIDE_CONFIG + HISTORY + CREDENTIALS);
    expect(stdout).toMatch(/BAD\s+JetStream .*for this account/);
  });

  test("permission denied › says what for, and which file allows it", async () => {
    const allow = ["carillon.>", "$JS.API.STREAM.INFO.CARILLON_HIST_*", "$JS.API.STREAM.INFO.CARILLON_ONCE"];
    await using nats = await NatsServer.start(
      withUser({ publish: { allow: allow.map((each) => each.replace("_*", "_0")) }, subscribe: { allow: [">"] } }),
    );
    const { code, stdout } = await doctor([nats.url], GUIDE_CONFIG + HISTORY + CREDENTIALS);
    expect(stdout).toMatch(/note\s+JetStream .*does not permit this user to publish on \$JS\.API\.INFO: allow it/);
    expect(stdout).toMatch(/ok\s+histories\s+CARILLON_HIST_0: not there yet/);
    expect(stdout).toMatch(
      /BAD\s+histories\s+CARILLON_HIST_1: .*\$JS\.API\.STREAM\.INFO\.CARILLON_HIST_1: allow it.*permissions-gateway\.conf/,
    );
    expect(stdout).toMatch(/BAD\s+blocks .*INFO\.CARILLON_BLOCKS/);
    expect(code).toBe(69);
  });

  test("storage › used against the account's limit", async () => {
    const accounts = { A: { jetstream: { max_file: 1_000_000 }, users: [{ user: "u", password: "p" }] } };
    await using nats = await NatsServer.start({ jetStream: true, config: { accounts, no_auth_user: "u" } });
    const ask = () => doctor([nats.url], GUIDE_CONFIG + CREDENTIALS);
    expect((await ask()).stdout).toMatch(/ok\s+JetStream\s+enabled; 0\.0 MiB .*, of 1\.0 MiB that the account may/);
    const others = { name: "OTHERS", subjects: ["x"], max_bytes: 900_000 };
    await makeStream(nats, others);
    expect((await ask()).stdout).toMatch(/note\s+JetStream\s+enabled; 0\.9 MiB .*raise max_file of the account/);
    await makeStream(nats, { ...others, max_bytes: 1_000_000 }, "UPDATE");
    const full = await ask();
    expect([full.code, full.stdout]).toEqual([69, expect.stringMatching(/BAD\s+JetStream\s+enabled; 1\.0 MiB/)]);
  });

  test("a stream of something else, one that is full, and other numbers of copies", async () => {
    await using nats = await NatsServer.start({ jetStream: true });
    await makeStream(nats, { name: "CARILLON_HIST_0", subjects: ["mine.>"] });
    await makeStream(nats, { ...BLOCKS_STREAM, max_bytes: 80, max_msg_size: 50 });
    await requestNats(nats.port, "carillon.block.a.user.b", "x".repeat(20));
    const { stdout } = await doctor([nats.url], GUIDE_CONFIG + HISTORY + THREE_COPIES);
    expect(stdout).toMatch(
      /BAD\s+histories\s+CARILLON_HIST_0 can't be used|BAD\s+histories .*belongs to something else/,
    );
    expect(stdout).toMatch(
      /BAD\s+histories\s+CARILLON_HIST_1, .*can't be made: nats\.history\.replicas asks for 3 copies/,
    );
    expect(stdout).toMatch(/note\s+blocks\s+CARILLON_BLOCKS: 1 copy, and nats\.blocks\.replicas asks for 3/);
    expect(stdout).toMatch(/note\s+blocks\s+CARILLON_BLOCKS: \d\d % of its limit of bytes/);
  });

  test("three servers › copies with a leader; one killed is named, and with two there is no leader", async () => {
    await using cluster = await NatsCluster.start({ jetStream: true });
    await makeStream(cluster.server(0), { ...BLOCKS_STREAM, num_replicas: 3 });
    await cluster.lead("CARILLON_BLOCKS", 0);
    const yaml = GUIDE_CONFIG + THREE_COPIES;
    // The cluster may just be electing whoever answers for the account, which is another finding.
    const says = async (code: number, text: RegExp) =>
      await eventually(
        async () => {
          const outcome = await doctor([cluster.server(0).url], yaml);
          expect(outcome).toMatchObject({ code, stdout: expect.stringMatching(text) });
        },
        { timeoutMs: 60_000 },
      );
    await says(0, /ok\s+blocks\s+CARILLON_BLOCKS: 3 copies, with a leader/);
    await cluster.server(2).kill();
    await says(0, /note\s+blocks\s+CARILLON_BLOCKS: 1 of 3 copies away, on n3: start that server/);
    await cluster.server(1).kill();
    await says(69, /BAD\s+blocks\s+CARILLON_BLOCKS: no leader that most of its 3 copies hear/);
  }, 180_000);
});
