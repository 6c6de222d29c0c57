import { execFile } from "node:child_process";
import { promisify } from "node:util";
import NodePusher from "pusher";
import EdgePusher from "pusher-http-edge";
import { environmentOf, type Program, pusherPrograms } from "./pusher-programs.ts";

/** What came of a step that an SDK was made to do. */
export interface Step {
  readonly ok: boolean;
  /** What the SDK gave back, in the form of Pusher's API. */
  readonly value?: unknown;
  /** What the SDK raised. */
  readonly error?: string;
}

/** Where to, and which connection is left out of the first event. */
export interface StepsOptions {
  readonly url: string;
  readonly socketId: string;
}

/** An SDK that does its steps, which are the same in every language, as far as it can. */
export interface PusherSdk {
  /** Begins the names of its channels: `NAME-a`, `NAME-b`, `presence-NAME`. Its user is `u-NAME`. */
  readonly name: string;
  /** What it does not have. */
  readonly lacks: readonly string[];
  /** How its error tells a status. */
  readonly errorFor: (status: number) => RegExp;
  /** Null where its language is not on this machine. */
  readonly run: ((options: StepsOptions) => Promise<Readonly<Record<string, Step>>>) | null;
}

const PYTHON_ERRORS: Readonly<Record<number, RegExp>> = {
  400: /^PusherBadRequest: \{"error":/,
  401: /^PusherBadAuth: \{"error":/,
  413: /^PusherBadStatus: 413: \{"error":/,
};

const JAVA_STATUSES: Readonly<Record<number, string>> = {
  400: "CLIENT_ERROR",
  401: "AUTHENTICATION_ERROR",
  413: "UNKNOWN_ERROR",
};

/** The SDKs: npm's can always be run, those for other languages where the language is there. */
export function pusherSdks(): readonly PusherSdk[] {
  const { sdks } = pusherPrograms();
  const runOf = (language: string): PusherSdk["run"] => {
    const program = sdks[language] ?? null;
    return program === null ? null : (options) => runProgram(program, options);
  };
  const npm: Omit<PusherSdk, "name" | "run"> = {
    lacks: [],
    errorFor: (status) => new RegExp(`^${status} \\{"error":`),
  };
  return [
    { ...npm, name: "npm", run: (options) => runInJavaScript("npm", nodeSdk, options) },
    { ...npm, name: "edge", run: (options) => runInJavaScript("edge", edgeSdk, options) },
    {
      name: "python",
      lacks: [],
      errorFor: (status) => PYTHON_ERRORS[status] ?? /no such error/,
      run: runOf("python"),
    },
    {
      name: "go",
      lacks: ["terminate"],
      errorFor: (status) => new RegExp(`^Status Code: ${status} - \\{"error":`),
      run: runOf("go"),
    },
    {
      name: "rust",
      lacks: ["sendToUser", "terminate", "tooLarge"],
      errorFor: (status) => new RegExp(`^Error: ${status} .*\\{"error":`),
      run: runOf("rust"),
    },
    {
      name: "java",
      lacks: [],
      errorFor: (status) => new RegExp(`^${JAVA_STATUSES[status]} ${status} \\{"error":`),
      run: runOf("java"),
    },
  ];
}

/** The environment in which Python finds Pusher's SDK; null where there is no Python. */
export function pythonSdkEnvironment(): Readonly<Record<string, string>> | null {
  return pusherPrograms().sdks["python"]?.env ?? null;
}

async function runProgram(program: Program, { url, socketId }: StepsOptions): Promise<Record<string, Step>> {
  const [command, ...args] = program.command;
  const { hostname, port } = new URL(url);
  const { stdout } = await promisify(execFile)(command, [...args, hostname, port, socketId], {
    env: environmentOf(program),
    timeout: 60_000,
  });
  return JSON.parse(stdout) as Record<string, Step>;
}

/** An answer, of whichever fetch. */
interface JsonAnswer {
  json(): Promise<unknown>;
}

/** What both of npm's SDKs have. */
interface JavaScriptSdk {
  trigger(channels: string[], event: string, data: unknown, params?: { socket_id?: string }): Promise<JsonAnswer>;
  triggerBatch(events: { channel: string; name: string; data: unknown }[]): Promise<JsonAnswer>;
  sendToUser(user: string, event: string, data: unknown): Promise<JsonAnswer>;
  terminateUserConnections(user: string): Promise<JsonAnswer>;
  get(options: { path: string; params?: Record<string, string> }): Promise<JsonAnswer>;
}

/** Where an app is reached, and how its calls are signed. */
interface AppOptions {
  readonly appId: string;
  readonly key: string;
  readonly secret: string;
  readonly host: string;
  readonly useTLS: false;
}

const nodeSdk = (options: AppOptions, port: string): JavaScriptSdk => new NodePusher({ ...options, port });
const edgeSdk = (options: AppOptions, port: string): JavaScriptSdk =>
  new EdgePusher({ ...options, port: Number(port) });

async function runInJavaScript(
  name: string,
  create: (options: AppOptions, port: string) => JavaScriptSdk,
  { url, socketId }: StepsOptions,
): Promise<Record<string, Step>> {
  const { hostname: host, port } = new URL(url);
  const client = (secret: string) => create({ appId: "1001", key: "app-key", secret, host, useTLS: false }, port);
  const app = client("app-secret");
  const [room, first, second] = [`presence-${name}`, `${name}-a`, `${name}-b`];
  const steps: Record<string, Step> = {};
  const step = async (what: string, act: () => Promise<JsonAnswer>): Promise<void> => {
    try {
      steps[what] = { ok: true, value: await (await act()).json() };
    } catch (error) {
      const { status, body } = error as { readonly status?: number; readonly body?: string };
      steps[what] = { ok: false, error: `${status} ${body}` };
    }
  };
  await step("trigger", () => app.trigger([first, second], "one", { from: name }, { socket_id: socketId }));
  const events = [
    { channel: first, name: "two", data: "plain text" },
    { channel: second, name: "three", data: { n: 3 } },
  ];
  await step("batch", () => app.triggerBatch(events));
  const params = { filter_by_prefix: room, info: "user_count" };
  await step("channels", () => app.get({ path: "/channels", params }));
  const info = "user_count,subscription_count";
  await step("channel", () => app.get({ path: `/channels/${room}`, params: { info } }));
  await step("users", () => app.get({ path: `/channels/${room}/users` }));
  await step("sendToUser", () => app.sendToUser(`u-${name}`, "hello", {}));
  await step("terminate", () => app.terminateUserConnections(`u-${name}`));
  await step("wrongSecret", () => client("wrong").trigger([first], "never", "x"));
  await step("wrongInfo", () => app.get({ path: "/channels", params: { info: "user_count" } }));
  await step("tooLarge", () => app.trigger([first], "never", "x".repeat(20_000)));
  return steps;
}
