import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, NativeClient, type NatsServer } from "@carillon/testkit";
import { Container } from "./container.ts";
import { runEnclosed } from "./enclosure.ts";
import { REPOSITORY } from "./files.ts";
import type { Image } from "./image-build.ts";
import { surplusOf } from "./surplus.ts";

/** One thing that the image promises. Rejects when it doesn't hold; resolves with what was seen. */
export interface Trial {
  readonly name: string;
  readonly run: () => Promise<string>;
}

/** What trials need besides the image. */
export interface TrialParts {
  readonly image: Image;
  readonly nats: NatsServer;
  readonly natsBinary: string;
  /** A folder with carillon.yaml. */
  readonly configFolder: string;
  /** True: without the suites, which take two minutes. */
  readonly isQuick: boolean;
}

export function trialsOf(parts: TrialParts): Trial[] {
  return [
    { name: "only what is needed", run: () => onlyWhatIsNeeded(parts) },
    { name: "the binary is the tested one", run: () => doctor(parts) },
    { name: "gateway, publisher, webhooks", run: () => roles(parts) },
    { name: "SIGTERM before it is ready", run: () => termBeforeReady(parts) },
    ...(parts.isQuick ? [] : [{ name: "the gateway's suites inside", run: () => suites(parts) }]),
  ];
}

async function onlyWhatIsNeeded({ image }: TrialParts): Promise<string> {
  const { user, ports, entrypoint } = image;
  if (user !== "10001:10001") throw new Error(`its user is ${user}`);
  if (entrypoint[0] === "/bin/sh") throw new Error("a shell would be process 1");
  const surplus = await surplusOf(image.root);
  if (surplus.length > 0) throw new Error(`it has ${surplus.join(", ")}`);
  return `user ${user}, ports ${ports.join(" ")}, one server binary, production packages alone`;
}

function starting({ nats, configFolder }: TrialParts, role: string) {
  const flags = ["--host", "127.0.0.1", "--port", "0", "--admin-port", "0", "--nats", nats.url];
  return {
    command: [role, ...flags],
    env: { CARILLON_CONFIG: "/mnt/config/carillon.yaml" },
    binds: { "/mnt/config": configFolder },
  };
}

async function doctor(parts: TrialParts): Promise<string> {
  await using container = new Container(parts.image, starting(parts, "doctor"));
  const code = await container.exited();
  if (code !== 0) throw new Error(`doctor ended with ${code}:\n${container.log}`);
  return (
    container.log
      .split("\n")
      .find((line) => line.includes("server binary"))
      ?.slice(6) ?? container.log
  );
}

/** Each role, together: what is published arrives; SIGTERM ends each with 0, after the gateway has sent its client away. */
async function roles(parts: TrialParts): Promise<string> {
  await using gateway = new Container(parts.image, starting(parts, "gateway"));
  await using publisher = new Container(parts.image, starting(parts, "publisher"));
  await using worker = new Container(parts.image, starting(parts, "webhooks"));
  const [{ webSocketUrl, adminUrl }, { url }] = await Promise.all([gateway.ready(), publisher.ready(), worker.ready()]);
  for (const container of [gateway, publisher, worker]) await assertConfined(container);
  const probe = await fetch(`${adminUrl}/readyz`);
  if (probe.status !== 200) throw new Error(`GET /readyz of the gateway says ${probe.status}`);
  const client = await NativeClient.open(webSocketUrl);
  await client.subscribe("orders-1");
  const published = await fetch(`${url}/publish`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-publish-secret": "guide-secret" },
    body: JSON.stringify({ channel: "orders-1", event: "created", payload: { id: 1 } }),
  });
  if (published.status !== 204) throw new Error(`publishing was answered with ${published.status}`);
  await client.events(1);
  for (const container of [gateway, publisher, worker]) await container.signal("SIGTERM");
  const { code } = await client.closed;
  const exits = await Promise.all([gateway, publisher, worker].map((container) => container.exited()));
  if (exits.some((each) => each !== 0)) throw new Error(`they ended with ${exits.join(", ")}`);
  return `published, received; SIGTERM closed the client with ${code}, and all three ended with 0`;
}

/** As process 1, as the image's user, unable to gain anything. */
async function assertConfined(container: Container): Promise<void> {
  const status = await readFile(`/proc/${await container.firstProcess()}/status`, "utf8");
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1]?.trim() ?? "";
  const seen = {
    uid: field("Uid").split("\t")[0],
    pid: field("NSpid").split("\t").at(-1),
    capabilities: field("CapEff"),
    noNewPrivileges: field("NoNewPrivs"),
  };
  const wanted = { uid: "10001", pid: "1", capabilities: "0000000000000000", noNewPrivileges: "1" };
  if (JSON.stringify(seen) !== JSON.stringify(wanted)) throw new Error(`it runs with ${JSON.stringify(seen)}`);
}

async function termBeforeReady(parts: TrialParts): Promise<string> {
  // Nobody listens there: it goes on trying to connect, and is not ready.
  const nowhere = { ...starting(parts, "gateway"), command: ["gateway", "--nats", "nats://127.0.0.1:9"] };
  await using container = new Container(parts.image, nowhere);
  // It has told of the short secrets in the configuration, so it runs, and is on its way to NATS.
  await eventually(() => {
    if (container.log === "") throw new Error("it has said nothing yet");
  });
  await container.signal("SIGTERM");
  const code = await container.exited();
  if (code !== 143) throw new Error(`it ended with ${code}:\n${container.log}`);
  return "ended at once with 143";
}

async function serverBinaryOf({ root }: Image): Promise<string> {
  const folder = "node_modules/uWebSockets.js";
  const [name] = (await readdir(join(root, "app", folder))).filter((each) => each.endsWith(".node"));
  return `${folder}/${name}`;
}

/** The suites of the gateway and of what is under it, on this image's Node and server binary. */
async function suites({ image, natsBinary }: TrialParts): Promise<string> {
  const server = await serverBinaryOf(image);
  const files = ["packages/gateway/test", "packages/service/test/http"];
  await runEnclosed({
    root: image.root,
    workdir: "/mnt/repository",
    command: ["node", "node_modules/vitest/vitest.mjs", "run", "--project", "packages", ...files],
    env: { ...image.env, NODE_ENV: "test", HOME: "/tmp", CARILLON_NATS_SERVER: "/mnt/nats-server" },
    isReadOnly: false,
    binds: {
      "/mnt/repository": REPOSITORY,
      [`/mnt/repository/${server}`]: `${image.root}/app/${server}`,
      "/mnt/nats-server": natsBinary,
    },
  });
  return `${files.join(", ")} on Node and ${server.split("/").at(-1)} of the image`;
}
