import type { AppSettings } from "@carillon/core";
import { matchesPattern } from "@carillon/protocol";
import type { ConfigRole, ConfiguredChannelRule, GatewayConfig, NatsConfig, TracingConfig } from "./config-types.ts";
import { DEV_APP } from "./dev-app.ts";
import type { Findings, PartialSections } from "./findings.ts";
import { SHORT_SECRET_CHARACTERS } from "./text-rules.ts";
import { addWebhookRelations } from "./webhook-relations.ts";

/** What {@link addRelations} looks at. */
export interface RelationOptions {
  readonly sections: PartialSections;
  /** The apps as they were written, so that repetitions are found also while something else is wrong. */
  readonly rawApps: unknown;
  readonly role: ConfigRole;
  readonly findings: Findings;
}

/** Room in a frame or body for all but the payload: channel, event, id and the JSON around them, at their longest. */
const FRAME_OVERHEAD_BYTES = 2048;

/** Checks what must hold between settings. A relation is looked at when all that it needs is right in itself. */
export function addRelations({ sections, rawApps, role, findings }: RelationOptions): void {
  for (const key of ["id", "key", "publishSecret"]) addRepetitions(rawApps, key, findings);
  if (sections.channels !== null) addChannelRelations(sections.channels, sections.apps, findings);
  if (sections.nats !== null) addNatsRelations(sections.nats, role, findings);
  for (const [index, app] of (sections.apps ?? []).entries()) {
    addSizeRelations(sections, app, { index, findings });
    addWebhookRelations(app, index, findings);
    if (app !== DEV_APP) addSecretWarnings(app, index, findings);
  }
  if (sections.gateway !== null) addBufferRelations(sections.gateway, findings);
  if (sections.gateway !== null) addAddressRelations(sections.gateway, findings);
  addPortRelations(sections, role, findings);
  if (sections.tracing !== null) addTracingWarnings(sections.tracing, findings);
}

const EVERY_HOST: readonly string[] = ["0.0.0.0", "::"];

function addPortRelations({ admin, gateway, publisher }: PartialSections, role: ConfigRole, findings: Findings): void {
  const name = role === "publisher" ? "publisher" : "gateway";
  const served = role === "publisher" ? publisher : gateway;
  if (role === "webhooks" || admin === null || served === null || admin.port === 0) return;
  const hosts = [admin.host, served.host];
  const doMeet = hosts[0] === hosts[1] || hosts.some((host) => EVERY_HOST.includes(host));
  if (admin.port !== served.port || !doMeet) return;
  findings.problem(["admin", "port"], `must be another one than ${name}.port: this process listens on both`);
}

function addTracingWarnings({ enabled, endpoint }: TracingConfig, findings: Findings): void {
  if (enabled || endpoint === null) return;
  findings.warning(["tracing", "endpoint"], "is set, and nothing is traced: set tracing.enabled to true as well");
}

function addAddressRelations({ clientAddress }: GatewayConfig, findings: Findings): void {
  const { from, trustedProxies, force } = clientAddress;
  if (from === "xForwardedFor" && trustedProxies.length === 0) {
    const what = "is needed for xForwardedFor: the addresses or ranges of your proxies, whose word counts";
    findings.problem(["gateway", "clientAddress", "trustedProxies"], what);
  }
  if (from === "proxyProtocol" && !force) {
    const what =
      "can't be proxyProtocol: the server library cuts connections whose header comes in a packet of its own, and lets clients forge " +
      "a second one. Use socket or xForwardedFor; gateway.clientAddress.force is for those with another build of it";
    findings.problem(["gateway", "clientAddress", "from"], what);
  }
}

function addBufferRelations(gateway: GatewayConfig, findings: Findings): void {
  const { fallback, maxBackpressureBytes, maxFrameBytes } = gateway;
  const why = "must not be below gateway.maxFrameBytes: one frame would already make its receivers slow consumers";
  if (maxBackpressureBytes < maxFrameBytes) findings.problem(["gateway", "maxBackpressureBytes"], why);
  if (fallback.enabled && fallback.bufferBytes < maxFrameBytes) {
    findings.problem(["gateway", "fallback", "bufferBytes"], why);
  }
}

function addRepetitions(rawApps: unknown, key: string, findings: Findings): void {
  if (!Array.isArray(rawApps)) return;
  const firstIndexes = new Map<unknown, number>();
  for (const [index, app] of rawApps.entries()) {
    if (typeof app !== "object" || app === null) continue;
    const value: unknown = Object.entries(app).find(([name]) => name === key)?.[1];
    if (typeof value !== "string") continue;
    const first = firstIndexes.get(value);
    if (first === undefined) firstIndexes.set(value, index);
    else findings.problem(["apps", index, key], `is the same as apps[${first}].${key}: each app needs its own`);
  }
}

function addChannelRelations(
  rules: readonly ConfiguredChannelRule[],
  apps: readonly AppSettings[] | null,
  findings: Findings,
): void {
  const ids = new Set(apps?.map(({ id }) => id));
  for (const [index, rule] of rules.entries()) {
    for (const [at, id] of rule.apps.entries()) {
      if (apps !== null && !ids.has(id)) {
        findings.problem(["channels", index, "apps", at], "is not the id of an app: name one of apps[].id");
      }
    }
    const first = rules.findIndex((earlier, at) => at < index && covers(earlier, rule));
    if (first !== -1) {
      findings.warning(["channels", index], `is never used: channels[${first}] stands before it and matches the same`);
    }
  }
}

/** True when whatever `later` matches is matched by `earlier`, as far as that is plain to see. */
function covers(earlier: ConfiguredChannelRule, later: ConfiguredChannelRule): boolean {
  // A pattern that matches another one's text, its stars taken for characters, matches all that the other one does.
  if (!matchesPattern(earlier.match, later.match)) return false;
  return earlier.apps.length === 0 || (later.apps.length > 0 && later.apps.every((id) => earlier.apps.includes(id)));
}

function addNatsRelations(nats: NatsConfig, role: ConfigRole, findings: Findings): void {
  if (nats.servers.length === 0 && role !== "dev") {
    findings.problem(
      ["nats", "servers"],
      `must name at least one NATS server for ${role === "webhooks" ? role : `a ${role}`}, such as nats://127.0.0.1:4222 (or set CARILLON_NATS)`,
    );
  }
  for (const kind of ["history", "webhooks"] as const) {
    if ([1, 3, 5].includes(nats[kind].replicas)) continue;
    findings.problem(["nats", kind, "replicas"], "must be 1, 3 or 5: an even number survives no more than one less");
  }
  if (![0, 1, 3, 5].includes(nats.blocks.replicas)) {
    findings.problem(
      ["nats", "blocks", "replicas"],
      "must be 1, 3 or 5, or 0 for as many as nats.history has: an even number survives no more than one less",
    );
  }
  const { user, password, token, nkeySeed, credsFile } = nats.credentials;
  if ((user === null) !== (password === null)) {
    const missing = user === null ? "user" : "password";
    findings.problem(["nats", "credentials", missing], "is missing: a user and a password go together");
  }
  const ways = [user ?? password, token, nkeySeed, credsFile].filter((way) => way !== null);
  if (ways.length > 1) {
    findings.problem(["nats", "credentials"], "must be one way only: user and password, token, nkeySeed or credsFile");
  }
  const { certFile, keyFile } = nats.tls;
  if ((certFile === null) !== (keyFile === null)) {
    const missing = certFile === null ? "certFile" : "keyFile";
    findings.problem(["nats", "tls", missing], "is missing: a certificate and its key go together");
  }
}

function addSizeRelations(
  { gateway, publisher }: PartialSections,
  app: AppSettings,
  { index, findings }: { readonly index: number; readonly findings: Findings },
): void {
  const path = ["apps", index, "limits", "messageBytes"];
  const neededBytes = app.limits.messageBytes + FRAME_OVERHEAD_BYTES;
  const explain = (key: string) =>
    `needs ${key} to be at least ${neededBytes} (this limit and ${FRAME_OVERHEAD_BYTES} bytes around it): raise that, or lower this`;
  // 0 means that nothing but the size of the frame or body limits it.
  if (app.limits.messageBytes === 0) return;
  if (gateway !== null && gateway.maxFrameBytes < neededBytes) {
    findings.problem(path, explain("gateway.maxFrameBytes"));
  }
  if (gateway !== null && gateway.maxBackpressureBytes < neededBytes) {
    findings.problem(path, explain("gateway.maxBackpressureBytes"));
  }
  if (publisher !== null && publisher.maxBodyBytes < neededBytes) {
    findings.problem(path, explain("publisher.maxBodyBytes"));
  }
}

function addSecretWarnings(app: AppSettings, index: number, findings: Findings): void {
  const message = `has fewer than ${SHORT_SECRET_CHARACTERS} characters and could be guessed: make a long random one, such as with openssl rand -hex 32`;
  for (const [secretIndex, secret] of app.secrets.entries()) {
    if (secret.length < SHORT_SECRET_CHARACTERS) findings.warning(["apps", index, "secrets", secretIndex], message);
  }
  const { publishSecret, token } = app;
  if (publishSecret !== null && publishSecret.length < SHORT_SECRET_CHARACTERS) {
    findings.warning(["apps", index, "publishSecret"], message);
  }
  if (token.jwksUrl?.toLowerCase().startsWith("http:") === true && !isLoopback(new URL(token.jwksUrl).hostname)) {
    findings.warning(
      ["apps", index, "token", "jwksUrl"],
      "is fetched without TLS: whoever can change it on the way can forge tokens",
    );
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
