import dns from "node:dns";
import { eventually, NatsServer } from "@carillon/testkit";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Link } from "../src/link.ts";
import { SILENT_LOG } from "../src/log.ts";
import { connections } from "./support/helpers.ts";

type Answer = (error: Error | null, addresses: string[]) => void;

describe("closed while dialing", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("a link that is closed while the name of its server is looked up doesn't come back", async () => {
    await using server = await NatsServer.start();
    let answers: Answer[] | null = null;
    // Names are looked up by the system's servers for names, which tests can't have answer late.
    vi.spyOn(dns, "resolve4").mockImplementation(((_: string, answer: Answer) => {
      if (answers === null) answer(null, ["127.0.0.1"]);
      else answers.push(answer);
    }) as never);
    vi.spyOn(dns, "resolve6").mockImplementation(((_: string, answer: Answer) => answer(null, [])) as never);
    const options = {
      servers: [`nats.test:${server.port}`],
      name: "closed",
      maxReconnectAttempts: -1,
      reconnectTimeWait: 10,
    };
    const link = await Link.open(options, SILENT_LOG);
    answers = [];
    await server.restart();
    await eventually(() => expect(answers).not.toEqual([]));
    await link.close();
    for (const answer of answers) answer(null, ["127.0.0.1"]);
    const later = await Link.open({ servers: [server.url], name: "later" }, SILENT_LOG);
    await later.confirm();
    expect((await connections(server)).map(({ name }) => name)).toEqual(["later"]);
    await later.close();
  });
});
