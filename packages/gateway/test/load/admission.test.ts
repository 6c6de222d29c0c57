import { CLOSE_CODES } from "@carillon/protocol";
import { eventually, NativeClient } from "@carillon/testkit";
import { TestGateway } from "@carillon/testkit/gateway";
import { describe, expect, test } from "vitest";
import type { LoadReading, LoadSource } from "../../src/overload.ts";

/** A process whose load a test decides. */
class PlantedLoad implements LoadSource {
  reading: LoadReading = { lagMs: 0, memoryBytes: 0, memoryShare: 0, fileShare: 0 };

  read(): LoadReading {
    return this.reading;
  }

  reclaim(): void {
    // There is nothing to let go of.
  }

  be(reading: Partial<LoadReading>): void {
    this.reading = { ...this.reading, ...reading };
  }
}

const upgrade = (gateway: TestGateway) =>
  fetch(`${gateway.url}/poll`).then(async (response) => ({
    status: response.status,
    retryAfter: Number(response.headers.get("retry-after")),
    body: (await response.json()) as { code?: string },
  }));

describe("a gateway with too much to do", () => {
  test.each<[string, Partial<LoadReading>]>([
    ["lag", { lagMs: 5000 }],
    ["memory", { memoryShare: 0.95 }],
    ["files", { fileShare: 0.99 }],
  ])("%s › takes nobody in on any transport, serves those it has, and opens again", async (reason, over) => {
    const load = new PlantedLoad();
    await using gateway = await TestGateway.start({ load });
    await using client = await NativeClient.open(gateway.webSocketUrl);
    await client.subscribe("news");
    load.be(over);
    await eventually(() => expect(gateway.gateway.overload?.reason).toBe(reason));
    expect(gateway.gateway.isAccepting).toBe(false);

    await expect(NativeClient.connect(gateway.webSocketUrl)).rejects.toThrow("503");
    await expect(NativeClient.connect(gateway.pusherUrl)).rejects.toThrow("503");
    expect(await upgrade(gateway)).toMatchObject({ status: 503, body: { code: "overloaded" } });
    const stream = await (await fetch(`${gateway.url}/sse?channels=news`)).text();
    expect(stream).toContain(`"code":${CLOSE_CODES.over_capacity.code}`);
    expect(gateway.counters.upgradesRefused.get(reason)).toBe(4);

    await gateway.publish("news", "still", "here");
    expect((await client.events(1))[0]?.payload).toBe("here");
    load.be({ lagMs: 0, memoryShare: 0, fileShare: 0 });
    await eventually(() => expect(gateway.gateway.isAccepting).toBe(true));
    await using late = await NativeClient.open(gateway.webSocketUrl);
    expect(await late.request({ type: "ping" })).toMatchObject({ type: "pong" });
  });

  test("those who are turned away are told to come back at different times", async () => {
    const load = new PlantedLoad();
    await using gateway = await TestGateway.start({ load });
    load.be({ lagMs: 5000 });
    await eventually(() => expect(gateway.gateway.isAccepting).toBe(false));
    const answers = await Promise.all(Array.from({ length: 60 }, () => upgrade(gateway)));
    const waits = new Set(answers.map(({ retryAfter }) => retryAfter));
    for (const wait of waits) expect(wait).toSatisfy((each: number) => each >= 1 && each <= 10);
    expect(waits.size).toBeGreaterThan(4);
    const retries = new Set<string | undefined>();
    for (let index = 0; index < 60; index++) {
      retries.add(/retry: (\d+)/.exec(await (await fetch(`${gateway.url}/sse?channels=news`)).text())?.[1]);
    }
    expect(retries.size).toBeGreaterThan(4);
  });
});
