import { eventually, TcpProxy } from "@carillon/testkit";
import { describe, expect, test } from "vitest";
import { DEPLOYMENTS, threeGateways } from "../../test/support/deployments.ts";
import { ForeignClient } from "../../test/support/foreign-client.ts";
import { PusherApplication } from "../../test/support/pusher-app.ts";
import { type Program, pusherPrograms } from "../../test/support/pusher-programs.ts";

const CONFIG = `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
    clientEvents: { enabled: true }
gateway: { drain: { delaySeconds: 0, spreadSeconds: 1 }, presence: { graceSeconds: 0 } }
`;

const { clients } = pusherPrograms();

/** Tests of a language that is not on this machine are left out. */
function testIn(language: string, name: string, act: (program: Program) => Promise<void>): void {
  const program = clients[language] ?? null;
  if (program === null) test.skip(`${name} (${language} is not on this machine)`);
  else test(name, () => act(program), 60_000);
}

/** Waits until so many connections have asked for a channel, wherever they are. */
async function untilCounted(application: PusherApplication, channel: string, count: number): Promise<void> {
  await eventually(async () => {
    const path = `/channels/${channel}`;
    const answer = await application.pusher.get({ path, params: { info: "subscription_count" } });
    expect(await answer.json()).toMatchObject({ subscription_count: count });
  });
}

const BOB = { id: "bob", info: { name: "Zoë" } };

describe.each(DEPLOYMENTS)("clients of other languages › %s", (_where, deploy) => {
  testIn(
    "python",
    "pysher › signs its own proofs: public, private and presence channels, client events, pings",
    async (program) => {
      await using deployment = await deploy(CONFIG);
      const [first, second] = deployment.gateways;
      await using application = await PusherApplication.start(deployment.publisher);
      await using bob = ForeignClient.start(program, { to: first, site: application.url, visitor: BOB });
      // It pings as soon as its socket is open.
      await eventually(() =>
        expect([bob.all("connected"), bob.all("pong")]).toEqual([[{ event: "connected" }], [{ event: "pong" }]]),
      );
      const channels = ["orders", "private-room", "presence-lobby"];
      const events = ["created", "client-hi", "pusher_internal:member_added", "pusher_internal:member_removed"];
      for (const channel of channels) bob.order({ do: "follow", channel, events });
      for (const channel of channels) await untilCounted(application, channel, 1);
      const ann = await application.connect(second, { id: "ann" });
      const lobby = ann.subscribe("presence-lobby");
      await eventually(() => expect(lobby.subscribed).toBe(true));
      const { members } = lobby as unknown as { members: { get(id: string): unknown } };
      expect(members.get("bob")).toEqual(BOB);
      const heard: unknown[] = [];
      for (const channel of channels.slice(1)) {
        ann.subscribe(channel).bind("client-hi", (data: unknown, metadata: unknown) => heard.push([data, metadata]));
      }
      await eventually(() => {
        expect(ann.channel("private-room").subscribed).toBe(true);
        expect(bob.on("presence-lobby")).toHaveLength(1);
      });

      await application.pusher.trigger(channels, "created", { total: 42.5, name: "Zoë" });
      for (const channel of channels.slice(1)) {
        bob.order({ do: "trigger", channel, event: "client-hi", data: { on: channel } });
        ann.channel(channel).trigger("client-hi", ["from ann"]);
      }
      await eventually(() => {
        expect(heard).toEqual([
          [{ on: "private-room" }, {}],
          [{ on: "presence-lobby" }, { user_id: "bob" }],
        ]);
        // Payloads of applications are strings to pysher, as they are on the wire.
        const created = ["created", '{"total":42.5,"name":"Zoë"}'];
        const hi = ["client-hi", ["from ann"]];
        expect(bob.on("orders")).toEqual([created]);
        expect(bob.on("private-room")).toEqual([created, hi]);
        expect(bob.on("presence-lobby")).toEqual([
          ["pusher_internal:member_added", '{"user_id":"ann","user_info":null}'],
          created,
          hi,
        ]);
      });
      ann.disconnect();
      const removed = ["pusher_internal:member_removed", '{"user_id":"ann"}'];
      await eventually(() => expect(bob.on("presence-lobby").at(-1)).toEqual(removed));
      bob.order({ do: "unsubscribe", channel: "orders" });
      await untilCounted(application, "orders", 0);
      expect(bob.all("error")).toEqual([]);
      expect(bob.complaints).toBe("");
    },
  );

  testIn(
    "java",
    "pusher-java-client › every kind of channel by an auth endpoint, client events, sign-in",
    async (program) => {
      await using deployment = await deploy(CONFIG);
      const [first, second] = deployment.gateways;
      await using application = await PusherApplication.start(deployment.publisher);
      await using bob = ForeignClient.start(program, { to: first, site: application.url, visitor: BOB });
      await eventually(() => expect(bob.all("connected")).toHaveLength(1));
      const follow = (channel: string) => bob.order({ do: "follow", channel, events: [] });
      const channels = ["orders", "private-room", "presence-lobby"];
      const others = ["private-encrypted-vault", "cache-price"];
      for (const channel of [...channels, ...others]) follow(channel);
      bob.order({ do: "signIn" });
      const subscribed = ["subscribed", null];
      await eventually(() => {
        for (const channel of ["orders", "private-room", "private-encrypted-vault"]) {
          expect(bob.on(channel)).toEqual([subscribed]);
        }
        expect(bob.on("presence-lobby")).toEqual([["members", ["bob"]], subscribed]);
        expect(bob.on("cache-price")).toEqual([subscribed, ["pusher:cache_miss", "{}"]]);
      });
      const ann = await application.connect(second, { id: "ann", watchlist: ["bob"] });
      const online: unknown[] = [];
      ann.user.watchlist.bind("online", ({ user_ids: ids }: { user_ids: string[] }) => online.push(ids));
      ann.signin();
      await eventually(() => expect(online).toEqual([["bob"]]));
      const heard: unknown[] = [];
      for (const channel of channels.slice(1)) {
        ann.subscribe(channel).bind("client-hi", (data: unknown, metadata: unknown) => heard.push([data, metadata]));
      }
      await eventually(() => {
        expect(ann.allChannels().every((each) => each.subscribed)).toBe(true);
        expect(bob.on("presence-lobby")).toHaveLength(3);
      });

      for (const channel of [...channels, ...others]) {
        await application.pusher.trigger(channel, "created", { name: "Zoë" });
      }
      await application.pusher.sendToUser("bob", "alert", { level: 1 });
      for (const channel of channels.slice(1)) {
        bob.order({ do: "trigger", channel, event: "client-hi", data: { on: channel } });
        ann.channel(channel).trigger("client-hi", ["from ann"]);
      }
      const created = ["created", '{"name":"Zoë"}'];
      await eventually(() => {
        expect(heard).toEqual([
          [{ on: "private-room" }, {}],
          [{ on: "presence-lobby" }, { user_id: "bob" }],
        ]);
        expect(bob.on("orders").slice(1)).toEqual([created]);
        expect(bob.on("private-room").slice(1)).toEqual([created, ["client-hi", '["from ann"]']]);
        expect(bob.on("presence-lobby").slice(2)).toEqual([
          ["added", "ann"],
          created,
          ["client-hi", '["from ann"]', "ann"],
        ]);
        expect(bob.on("private-encrypted-vault").slice(1)).toEqual([created]);
        expect(bob.on("cache-price").slice(2)).toEqual([created]);
        expect(bob.on("user")).toEqual([["alert", '{"level":1}']]);
      });
      ann.disconnect();
      await eventually(() => expect(bob.on("presence-lobby").at(-1)).toEqual(["removed", "ann"]));
      expect(bob.heard.filter(({ event }) => /^(?:error|refused|undecipherable)$/.test(event))).toEqual([]);
      await application.pusher.terminateUserConnections("bob");
      await eventually(() => expect(bob.all("disconnected")).toHaveLength(1));
      expect(bob.all("error")).toEqual([{ event: "error", data: expect.stringContaining("4009") }]);
    },
  );
});

describe("clients of other languages when their gateway goes", () => {
  for (const [language, what] of [
    ["python", "pysher"],
    ["java", "pusher-java-client"],
  ] as const) {
    testIn(
      language,
      `P38 › ${what}: drained or killed, it comes back elsewhere and is subscribed again`,
      async (program) => {
        await using deployment = await threeGateways(CONFIG);
        const [drained, killed, last] = deployment.gateways;
        let target = drained;
        // What a load balancer is to it.
        await using balancer = await TcpProxy.start({ targetPort: () => Number(new URL(target.url).port) });
        await using application = await PusherApplication.start(deployment.publisher);
        const to = { url: `http://127.0.0.1:${balancer.port}` };
        await using bob = ForeignClient.start(program, { to, site: application.url, visitor: BOB });
        await eventually(() => expect(bob.all("connected")).toHaveLength(1));
        bob.order({ do: "follow", channel: "orders", events: ["created"] });
        // A library may not tell when its subscription stands, so publish until it is heard.
        const hear = async (times: number) => {
          await eventually(() => expect(bob.all("connected")).toHaveLength(times));
          await eventually(
            async () => {
              await application.pusher.trigger("orders", "created", times);
              expect(bob.on("orders").at(-1)).toEqual(["created", String(times)]);
            },
            { intervalMs: 100 },
          );
        };
        await hear(1);
        target = killed;
        expect(await drained.stop()).toBe(0);
        await hear(2);
        target = last;
        await killed.kill();
        await hear(3);
      },
    );
  }
});
