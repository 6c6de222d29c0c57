import { describe, expect, test } from "vitest";
import { createLogger, createSilentLogger, type Logger } from "../../src/process/logger.ts";

function collect(level: "debug" | "info" = "info"): { log: Logger; lines: () => Record<string, unknown>[] } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ format: "json", level, role: "gateway", destination });
  return { log, lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe("log", () => {
  test("a line has level, time, role, event and the event's fields", () => {
    const { log, lines } = collect();
    log.info("ready", { port: 8080 });
    log.warn("late");
    expect(lines()).toEqual([
      {
        level: "info",
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        role: "gateway",
        event: "ready",
        port: 8080,
      },
      { level: "warn", time: expect.any(String), role: "gateway", event: "late" },
    ]);
  });

  test("a field can't take the event's place", () => {
    const { log, lines } = collect();
    log.info("ready", { event: "something else" });
    expect(lines()[0]?.["event"]).toBe("ready");
  });

  test("below the level nothing is written", () => {
    const { log, lines } = collect();
    log.debug("frame");
    createSilentLogger().error("nobody hears this");
    expect(lines()).toEqual([]);
  });

  test("an error is written with its message, code and stack", () => {
    const { log, lines } = collect();
    log.error("failed", { error: Object.assign(new Error("no"), { code: "E_NO" }) });
    expect(lines()[0]).toMatchObject({
      error: { message: "no", code: "E_NO", stack: expect.stringContaining("logger.test") },
    });
  });

  test("the fields of a child stand on all its lines", () => {
    const { log, lines } = collect("debug");
    log.child({ app: "1001" }).debug("opened", { connection: "1.2" });
    expect(lines()[0]).toMatchObject({ app: "1001", connection: "1.2", role: "gateway", event: "opened" });
  });

  test.each([
    "secret",
    "secrets",
    "publishSecret",
    "password",
    "token",
    "authorization",
    "cookie",
    "credentials",
    "payload",
    "x-publish-secret",
  ])("%s never reaches a line, here or one level down", (name) => {
    const { log, lines } = collect();
    log.info("config", { [name]: "swordfish", nested: { [name]: "swordfish", kept: 1 } });
    expect(JSON.stringify(lines())).not.toContain("swordfish");
    expect(lines()[0]).toMatchObject({ nested: { kept: 1 } });
  });
});
