import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { App } from "@carillon/core";
import { mintApiToken, mintConnectionToken } from "@carillon/service";
import { type Command, InvalidArgumentError } from "commander";
import { EXIT_CODES } from "../exit-codes.ts";
import { type AppFlags, appOf, parseSeconds, withAppFlags } from "./app-flags.ts";
import { type CheckFrame, CheckSubscriber } from "./check-subscriber.ts";

interface CheckFlags extends AppFlags {
  readonly url: URL;
  readonly publishUrl: URL;
  readonly timeout: number;
  readonly insecure?: boolean;
}

const DEFAULT_TIMEOUT_SECONDS = 15;
const TOKEN_SECONDS = 60;
const EVENT = "carillon.check";

/** Adds `carillon check`: goes the way of an event through a running installation. */
export function addCheckCommand(program: Command): void {
  withAppFlags(program.command("check"))
    .description("subscribe, publish and wait for the event, at a running installation; says where it fails")
    .option("--url <url>", "where clients connect to", parseUrl(["ws:", "wss:"]), new URL("ws://127.0.0.1:8080/ws"))
    .option(
      "--publish-url <url>",
      "origin of the publish API",
      parseUrl(["http:", "https:"]),
      new URL("http://127.0.0.1:8080"),
    )
    .option("--timeout <seconds>", "how long all of it may take, in seconds", parseSeconds, DEFAULT_TIMEOUT_SECONDS)
    .option("--insecure", "accept any certificate where clients connect to")
    .action(async (flags: CheckFlags) => {
      process.exitCode = await check(flags);
    });
}

/** Resolves with the exit code, after a line for each step that went well and for the one that did not. */
async function check(flags: CheckFlags): Promise<number> {
  const app = await appOf(flags);
  const deadlineMs = performance.now() + flags.timeout * 1000;
  const channel = `carillon-check-${randomUUID()}`;
  const payload = { id: randomUUID() };
  const step = new Steps();
  const where = flags.url.host;
  const subscriber = await step.run(`connect to ${where}`, async () =>
    CheckSubscriber.connect({ url: await clientUrl(app, flags.url), deadlineMs, isInsecure: flags.insecure === true }),
  );
  if (subscriber === null) return EXIT_CODES.failure;
  using _ = subscriber;
  const isDone =
    (await step.run(`subscribe to ${channel}`, () => {
      subscriber.send({ type: "subscribe", channel });
      return subscriber.next((frame) => frame.type === "subscribed");
    })) &&
    (await step.run(`publish at ${flags.publishUrl.host}`, () =>
      publish(app, { url: flags.publishUrl, deadlineMs, body: { channel, event: EVENT, payload } }),
    )) &&
    (await step.run("receive the event", () => subscriber.next((frame) => isEvent(frame, payload.id))));
  return isDone ? EXIT_CODES.ok : EXIT_CODES.failure;
}

/** Runs what may fail, and tells how it went. */
class Steps {
  /** Resolves with what the step has made; null, once the reason is told, when it failed. */
  async run<T>(what: string, act: () => Promise<T>): Promise<T | null> {
    const startedMs = performance.now();
    try {
      const result = await act();
      process.stdout.write(`ok    ${what} (${Math.round(performance.now() - startedMs)} ms)\n`);
      return result;
    } catch (error) {
      process.stdout.write(`BAD   ${what}: ${reasonOf(error)}\n`);
      return null;
    }
  }
}

/** The address with the app's key, and with a token where the app wants one. */
async function clientUrl(app: App, url: URL): Promise<URL> {
  const result = new URL(url);
  result.searchParams.set("key", app.settings.key);
  if (app.settings.token.isRequired) {
    const claims = { capabilities: { "carillon-check-*": ["subscribe"] as const }, ttlSeconds: TOKEN_SECONDS };
    result.searchParams.set("token", await mintConnectionToken(app, claims));
  }
  return result;
}

interface PublishOptions {
  readonly url: URL;
  readonly deadlineMs: number;
  readonly body: object;
}

/** Resolves with true once the publisher has accepted it. */
async function publish(app: App, { url, deadlineMs, body }: PublishOptions): Promise<true> {
  const answer = await fetch(new URL("publish", withSlash(url)), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${await mintApiToken(app, { ttlSeconds: TOKEN_SECONDS })}`,
    },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(Math.max(1, Math.ceil(deadlineMs - performance.now()))),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`HTTP ${answer.status} ${text}`.trim());
  return true;
}

/** With a slash at its end, so that what is put behind it comes below its path, not beside. */
function withSlash(url: URL): string {
  return url.href.endsWith("/") ? url.href : `${url.href}/`;
}

function isEvent({ event, payload }: CheckFrame, id: string): boolean {
  return event === EVENT && typeof payload === "object" && payload !== null && "id" in payload && payload.id === id;
}

/** The message, with that of the cause, where `fetch` and `ws` put what really happened. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const message = error.message === "" ? code : error.message;
  return error.cause === undefined ? message : `${message}: ${reasonOf(error.cause)}`;
}

function parseUrl(protocols: readonly string[]): (text: string) => URL {
  return (text) => {
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url !== null && protocols.includes(url.protocol)) return url;
    throw new InvalidArgumentError(`write a URL that begins with ${protocols.join("// or ")}//.`);
  };
}
