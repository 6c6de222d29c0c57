import { createSilentLogger, type LogFields } from "@carillon/service";
import { FakeClock } from "@carillon/testkit";
import { expect, it } from "vitest";
import { createFailureLog } from "../../src/gateway-parts.ts";

it("what fails for tens of thousands of channels at once is a line in ten seconds, with how often it was", () => {
  const clock = new FakeClock();
  const lines: (LogFields | undefined)[] = [];
  const log = { ...createSilentLogger(), warn: (_event: string, fields?: LogFields) => void lines.push(fields) };
  const fail = createFailureLog({ clock, log }, "interest_failed");
  for (let count = 0; count < 20_000; count++) fail({ appId: "1001" }, new Error("NATS is away"));
  expect(lines).toMatchObject([{ app: "1001", suppressed: 0 }]);
  fail({ appId: "1001" }, new Error("another reason"));
  expect(lines).toHaveLength(2);
  clock.advance(10_000);
  for (let count = 0; count < 3; count++) fail({ appId: "1002" }, new Error("another reason"));
  expect(lines).toMatchObject([{}, { suppressed: 19_999 }, { app: "1002", suppressed: 0 }]);
});
