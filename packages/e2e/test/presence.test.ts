import { createHmac } from "node:crypto";
import { eventually, NativeClient, NatsServer } from "@carillon/testkit";
import { expect, test } from "vitest";
import { CarillonProcess } from "./support/carillon-process.ts";
import { GUIDE_CONFIG, writeConfig } from "./support/config-file.ts";

const CHANNEL = "presence-lobby";

/** Of the app in {@link GUIDE_CONFIG}. */
const KEY = "app-key";
const SECRET = "app-secret";

/** A client on a presence channel that keeps its own list of who is there, as an application would. */
class Guest {
  readonly client: NativeClient;
  readonly id: string;

  private constructor(client: NativeClient, id: string) {
    this.client = client;
    this.id = id;
  }

  static async enter(gateway: CarillonProcess, id: string): Promise<Guest> {
    const client = await NativeClient.open(gateway.webSocketUrl);
    const { connectionId } = client;
    const data = JSON.stringify({ user_id: id });
    const signature = createHmac("sha256", SECRET).update(`${connectionId}:${CHANNEL}:${data}`).digest("hex");
    const token = `${KEY}:${signature}`;
    await client.subscribe(CHANNEL, { token, data });
    return new Guest(client, id);
  }

  /** Who is there, by the answer and every change since. */
  get seen(): string[] {
    const seen = new Set<string>();
    for (const { type, presence, joined, left } of this.client.frames) {
      const members = type === "subscribed" ? (presence as { members: { id: string }[] }).members : joined;
      for (const { id } of (members ?? []) as { id: string }[]) seen.add(id);
      for (const id of (left ?? []) as string[]) seen.delete(id);
    }
    return [...seen].sort();
  }
}

async function ask(publisher: CarillonProcess, path: string): Promise<unknown> {
  const response = await fetch(publisher.url + path, { headers: { "x-publish-secret": "guide-secret" } });
  return response.json();
}

test("presence › three gateways: one truth, the users of a killed one gone within ten seconds, right again after NATS was away", async () => {
  const nats = await NatsServer.start();
  const args = ["--config", await writeConfig(GUIDE_CONFIG), "--nats", nats.url];
  const gateways = await Promise.all([1, 2, 3].map(() => CarillonProcess.start("gateway", args)));
  const publisher = await CarillonProcess.start("publisher", args);
  try {
    const guests: Guest[] = [];
    for (let index = 0; index < 30; index++) {
      guests.push(await Guest.enter(gateways[index % 3] as CarillonProcess, `user-${index}`));
    }
    const all = guests.map(({ id }) => id).sort();
    await eventually(() => expect(guests.map(({ seen }) => seen)).toEqual(guests.map(() => all)));
    expect(await ask(publisher, `/channels/${CHANNEL}`)).toEqual({
      channel: CHANNEL,
      subscriptions: 30,
      users: 30,
      occupied: true,
      complete: true,
    });

    const [, second, killed] = gateways as [CarillonProcess, CarillonProcess, CarillonProcess];
    await killed.kill();
    const survivors = guests.filter((_, index) => index % 3 !== 2);
    const left = survivors.map(({ id }) => id).sort();
    await eventually(() => expect(survivors.map(({ seen }) => seen)).toEqual(survivors.map(() => left)), {
      timeoutMs: 10_000,
    });

    // Away for longer than a node may be silent: nobody leaves because of it, and what happened meanwhile is told afterwards.
    await nats.kill();
    const leaving = survivors[0] as Guest;
    await leaving.client.request({ type: "unsubscribe", channel: CHANNEL });
    await nats.restart();
    const staying = survivors.slice(1);
    const rest = staying.map(({ id }) => id).sort();
    await eventually(() => expect(staying.map(({ seen }) => seen)).toEqual(staying.map(() => rest)), {
      timeoutMs: 30_000,
    });
    const late = await Guest.enter(second, "late");
    const members = (await ask(publisher, `/channels/${CHANNEL}/members`)) as { members: { id: string }[] };
    expect(members.members.map(({ id }) => id)).toEqual(["late", ...rest]);
    await eventually(() => expect(staying.every(({ seen }) => seen.includes("late"))).toBe(true));
    expect(late.seen).toEqual(["late", ...rest]);
    // Nobody was told of the same coming or going twice, although gateways died and NATS went away.
    for (const { client } of staying) {
      const gone = client.frames.flatMap((frame) => (frame["left"] ?? []) as string[]);
      expect(new Set(gone).size).toBe(gone.length);
    }
    await Promise.all([...guests, late].map(({ client }) => client.close()));
  } finally {
    await Promise.all([...gateways, publisher].map((each) => each[Symbol.asyncDispose]()));
    await nats.stop();
  }
}, 120_000);
