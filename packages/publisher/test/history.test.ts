import { describe, expect, it } from "vitest";
import { appSettings } from "./support/apps.ts";
import { BrokenHistory } from "./support/broken-history.ts";
import { historyOf, RunningPublisher, SECRET } from "./support/running-publisher.ts";

interface History {
  readonly channel: string;
  readonly publications: readonly { id: string; event: string; payload: unknown; position: string; time: number }[];
  readonly position: string;
  readonly hasMore: boolean;
  readonly recovered?: boolean;
}

async function fill(running: RunningPublisher, channel: string, count: number): Promise<void> {
  for (let number = 1; number <= count; number++) {
    const response = await running.post("/publish", { channel, event: "tick", payload: number, id: `id-${number}` });
    expect(response.status).toBe(204);
  }
}

async function read(running: RunningPublisher, channel: string, query = ""): Promise<History> {
  const response = await running.get(`/channels/${channel}/history${query}`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  return (await response.json()) as History;
}

const payloadsOf = (history: History) => history.publications.map(({ payload }) => payload);

describe("history › GET /channels/:name/history", () => {
  it("gives what is kept, oldest first, and where the channel stands", async () => {
    await using running = await RunningPublisher.start({ rules: historyOf("kept-*") });
    await fill(running, "kept-1", 3);
    const history = await read(running, "kept-1");
    expect(history).toMatchObject({ channel: "kept-1", hasMore: false });
    expect(payloadsOf(history)).toEqual([1, 2, 3]);
    expect(history.publications[0]).toMatchObject({ id: "id-1", event: "tick", time: expect.any(Number) });
    expect(history.publications[2]?.position).toBe(history.position);
    expect(history).not.toHaveProperty("recovered");
  });

  it("gives nothing of a channel on which nothing was published", async () => {
    await using running = await RunningPublisher.start({ rules: historyOf("kept-*") });
    expect(await read(running, "kept-none")).toMatchObject({ publications: [], hasMore: false });
  });

  it("keeps payloads byte for byte", async () => {
    await using running = await RunningPublisher.start({ rules: historyOf("kept") });
    const payload = '{ "b":1.0,  "a" : [12345678901234567890, "\\u00e9é"] }';
    expect((await running.post("/publish", `{"channel":"kept","event":"e","payload":${payload}}`)).status).toBe(204);
    expect(await (await running.get("/channels/kept/history")).text()).toContain(`"payload":${payload}}`);
  });

  it("reads backward, and in parts from a position on", async () => {
    await using running = await RunningPublisher.start({ rules: historyOf("kept") });
    await fill(running, "kept", 5);
    expect(payloadsOf(await read(running, "kept", "?direction=backward&limit=2"))).toEqual([5, 4]);
    const first = await read(running, "kept", "?limit=2");
    expect([payloadsOf(first), first.hasMore]).toEqual([[1, 2], true]);
    const since = encodeURIComponent(first.publications[1]?.position ?? "");
    const rest = await read(running, "kept", `?since=${since}`);
    expect([payloadsOf(rest), rest.hasMore, rest.recovered]).toEqual([[3, 4, 5], false, true]);
    const head = await read(running, "kept", `?since=${rest.position}`);
    expect([payloadsOf(head), head.recovered]).toEqual([[], true]);
  });

  it("says so when what came after a position is kept no more, or the position is of another store", async () => {
    await using running = await RunningPublisher.start({ rules: historyOf("kept", 2) });
    await fill(running, "kept", 1);
    const { position } = await read(running, "kept");
    await fill(running, "kept", 9);
    expect((await read(running, "kept", `?since=${position}`)).recovered).toBe(false);
    expect((await read(running, "kept", "?since=another:1")).recovered).toBe(false);
  });

  it("cuts an answer that would be too large, and goes on from there", async () => {
    const limits = { ...appSettings("shop").limits, messageBytes: 0 };
    await using running = await RunningPublisher.start({
      apps: [appSettings("shop", { limits })],
      rules: historyOf("kept"),
      maxBodyBytes: 2_000_000,
    });
    const payload = "x".repeat(1_500_000);
    for (let number = 0; number < 4; number++) await running.post("/publish", { channel: "kept", event: "e", payload });
    const first = await read(running, "kept");
    expect([first.publications.length, first.hasMore]).toEqual([2, true]);
    const rest = await read(running, "kept", `?since=${first.publications[1]?.position}`);
    expect([rest.publications.length, rest.hasMore]).toEqual([2, false]);
  });

  it.each([
    ["?limit=0", "limit"],
    ["?limit=1001", "limit"],
    ["?limit=ten", "limit"],
    ["?direction=up", "direction"],
    ["?since=12", "since"],
    ["?since=a:1&direction=backward", "since"],
    ["?limit=1&limit=2", "limit"],
    ["?count=5", "limit, since, direction"],
  ])("refuses the query %s", async (query, named) => {
    await using running = await RunningPublisher.start({ rules: historyOf("kept") });
    const response = await running.get(`/channels/kept/history${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_field", detail: expect.stringContaining(named) });
  });

  it("refuses a name that no channel can have", async () => {
    await using running = await RunningPublisher.start({ rules: historyOf("*") });
    for (const name of ["a:b", "a%20b", "%ff"]) {
      const response = await running.get(`/channels/${name}/history`);
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, "invalid_channel"]);
    }
  });

  it("says that a channel keeps no history, and what would", async () => {
    await using running = await RunningPublisher.start({ rules: historyOf("kept") });
    const response = await running.get("/channels/other/history");
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "not_found", detail: expect.stringContaining("channels") });
  });

  it("is for whoever may publish", async () => {
    const apps = [appSettings("shop"), appSettings("closed", { enabled: false })];
    await using running = await RunningPublisher.start({ apps, rules: historyOf("kept") });
    await fill(running, "kept", 1);
    const path = "/channels/kept/history";
    expect((await running.get(path, { "x-publish-secret": "wrong" })).status).toBe(401);
    expect((await fetch(running.url + path)).status).toBe(401);
    expect((await running.get(path, { "x-publish-secret": "publish-secret-of-closed" })).status).toBe(403);
    const bearer = await fetch(running.url + path, { headers: { authorization: `Bearer ${SECRET}` } });
    expect(bearer.status).toBe(200);
  });
});

describe("history › publishing", () => {
  it("tells the position on each channel that keeps a history, when asked for a representation", async () => {
    await using running = await RunningPublisher.start({ rules: historyOf("kept-*") });
    const body = { channels: ["kept-1", "other", "kept-2"], event: "e", payload: 1 };
    const response = await running.post("/publish", body, { prefer: "return=representation" });
    const { channels, positions } = (await response.json()) as { channels: string[]; positions: object };
    expect(channels).toEqual(["kept-1", "other", "kept-2"]);
    expect(Object.keys(positions)).toEqual(["kept-1", "kept-2"]);
    expect(positions).toMatchObject({ "kept-2": (await read(running, "kept-2")).position });
  });

  it("gives the repeat of an id the position of the first", async () => {
    await using running = await RunningPublisher.start({ rules: historyOf("kept") });
    const publish = async (id: string) => {
      const body = { channel: "kept", event: "e", payload: 1, id };
      return (await running.post("/publish", body, { prefer: "return=representation" })).json();
    };
    const first = (await publish("a")) as { positions: object };
    await publish("b");
    expect(await publish("a")).toMatchObject({ duplicates: ["kept"], positions: first.positions });
    expect((await read(running, "kept")).publications).toHaveLength(2);
  });

  it("is refused with 503 while the store is away, and goes on on channels without a history", async () => {
    const history = new BrokenHistory();
    await using running = await RunningPublisher.start({ rules: historyOf("kept"), history });
    const refused = await running.post("/publish", { channel: "kept", event: "e", payload: 1 });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await refused.json()).toMatchObject({ code: "history_unavailable" });
    const unread = await running.get("/channels/kept/history");
    expect([unread.status, unread.headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await running.post("/publish", { channel: "other", event: "e", payload: 1 })).status).toBe(204);
    const both = await running.post("/publish", { channels: ["kept", "other"], event: "e", payload: 1 });
    expect(both.status).toBe(503);
    expect(await both.json()).toMatchObject({ results: [{ channels: ["other"], refused: ["kept"] }] });
  });
});
