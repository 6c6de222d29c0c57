import { eventually } from "@carillon/testkit";
import Pusher from "pusher";
import { expect, test } from "vitest";
import type { CarillonProcess } from "../test/support/carillon-process.ts";
import { threeGateways } from "../test/support/deployments.ts";
import { CrowdMember, enterAll, memberId } from "../test/support/presence-crowd.ts";

const CROWD = 1000;
const CHANNEL = "presence-hall";

const CONFIG = `
apps:
  - id: "1001"
    key: app-key
    secrets: [app-secret]
    publishSecret: guide-secret
    limits: { commandsPerSecond: 0, presenceMembers: 2000 }
channels:
  - { match: "presence-*", presence: { listUpTo: 2000 } }
`;

/** What is wrong with what members know, in words; empty when each knows exactly those who are there. */
function errorsOf(members: readonly CrowdMember[], isThere: (number: number) => boolean, size: number): string[] {
  const wrong: string[] = [];
  for (const member of members) {
    for (let number = 0; number < size; number++) {
      if (member.knows(number) !== isThere(number)) wrong.push(`${member.number} is wrong about ${number}`);
    }
  }
  return wrong.slice(0, 5);
}

/** What members were told since they began to listen, each kind of story once. */
function told(members: readonly CrowdMember[], since: ReadonlyMap<CrowdMember, readonly [number, number]>): unknown {
  const stories = members.map((member) => {
    const [added = 0, removed = 0] = since.get(member) ?? [];
    return { added: member.added - added, removed: member.removed - removed };
  });
  return [...new Map(stories.map((story) => [JSON.stringify(story), story])).values()];
}

/** Those who know another number of users. */
const notAt = (count: number, members: readonly CrowdMember[]) =>
  members.filter((member) => member.count !== count).map(({ number, count: own }) => [number, own]);

const marks = (members: readonly CrowdMember[]) =>
  new Map(members.map((member) => [member, [member.added, member.removed] as const]));

const hasLost = (survivor: CarillonProcess) => survivor.log.includes('"event":"node_lost"');

test("P22 › 1,000 members on three gateways: who comes back in time from a dead one is missed by nobody, who doesn't is gone once", async () => {
  await using deployment = await threeGateways(CONFIG);
  const [first, second, third] = deployment.gateways;
  const { hostname: host, port } = new URL(deployment.publisher.url);
  const sdk = new Pusher({ appId: "1001", key: "app-key", secret: "app-secret", host, port, useTLS: false });
  // One more for whoever shows that nothing else is on its way.
  const size = CROWD + 2;
  const all = Array.from({ length: CROWD }, (_, number) => new CrowdMember(number, { channel: CHANNEL, size }));
  const homes = [first, second, third];
  const of = (home: number) => all.filter(({ number }) => number % 3 === home);
  try {
    await enterAll(all, ({ number }) => homes[number % 3] as CarillonProcess);
    await eventually(() => expect(notAt(CROWD, all)).toEqual([]), { timeoutMs: 30_000 });
    expect(errorsOf(all, (number) => number < CROWD, size)).toEqual([]);
    const users = (await (await sdk.get({ path: `/channels/${CHANNEL}/users` })).json()) as { users: { id: string }[] };
    const ids = all.map(({ number }) => memberId(number));
    expect(users.users.map(({ id }) => id).sort()).toEqual(ids.sort());

    // Dead, and its clients come back elsewhere before the others hold it for lost: to one that was there, and to a new one.
    const fourth = await deployment.addGateway();
    const staying = [...of(0), ...of(1)];
    const before = marks(staying);
    await third.kill();
    await enterAll(of(2), ({ number }) => (number % 2 === 0 ? first : fourth));
    await eventually(() => expect([first, second].map(hasLost)).toEqual([true, true]));
    const late = new CrowdMember(CROWD, { channel: CHANNEL, size });
    await late.enter(second);
    all.push(late);
    // Whatever was told of the dead one's users would have come before.
    await eventually(() => expect(notAt(CROWD + 1, staying)).toEqual([]));
    expect(told(staying, before)).toEqual([{ added: 1, removed: 0 }]);
    await eventually(() => expect(notAt(CROWD + 1, all)).toEqual([]));
    expect(errorsOf(all, (number) => number <= CROWD, size)).toEqual([]);

    // Dead, and its clients stay away.
    const isGone = (number: number) => number === CROWD || (number < CROWD && number % 3 === 1);
    const survivors = all.filter(({ number }) => !isGone(number));
    const gone = all.length - survivors.length;
    const beforeSecond = marks(survivors);
    await second.kill();
    await eventually(() => expect(notAt(CROWD + 1 - gone, survivors)).toEqual([]), {
      timeoutMs: 10_000,
    });
    expect(errorsOf(survivors, (number) => number <= CROWD && !isGone(number), size)).toEqual([]);
    const last = new CrowdMember(CROWD + 1, { channel: CHANNEL, size });
    await last.enter(fourth);
    await eventually(() => expect(notAt(CROWD + 2 - gone, survivors)).toEqual([]));
    expect(told(survivors, beforeSecond)).toEqual([{ added: 1, removed: gone }]);
    expect(last.count).toBe(CROWD + 2 - gone);
    all.push(last);
    expect(all.map(({ contradictions }) => contradictions).filter((each) => each > 0)).toEqual([]);
  } finally {
    for (const member of all) member.end();
  }
}, 120_000);
