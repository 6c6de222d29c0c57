import type { AppSettings } from "@carillon/core";
import type { z } from "zod";
import type { ConfigProblem, ConfigRole } from "./config-types.ts";
import { DEV_APP } from "./dev-app.ts";
import type { Findings, PartialSections, Sections } from "./findings.ts";
import type { RawConfig } from "./raw-config.ts";
import { addRelations } from "./relations.ts";
import {
  adminSchema,
  appsSchema,
  channelsSchema,
  gatewaySchema,
  logSchema,
  natsSchema,
  publisherSchema,
  SECTIONS,
  toAppSettings,
  toChannelRule,
  tracingSchema,
  webhooksSchema,
} from "./schema.ts";
import { UNRESOLVED_MESSAGE } from "./setting.ts";
import { formatPath, keysAt, listSettings, type PathPart } from "./setting-index.ts";
import { didYouMean } from "./suggestion.ts";

/** The outcome of a check: the sections where there are no problems, and what was found. */
export interface CheckedConfig {
  /** Null when a section is refused. */
  readonly sections: Sections | null;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

/** A key that looks like one is repeated in messages; anything else might be a secret that got behind the wrong colon. */
const PLAIN_KEY = /^[A-Za-z][A-Za-z0-9_-]{0,40}$/;

/** Checks every section by its schema, then what must hold between them. Finds all problems, not the first. */
export function checkConfig(raw: RawConfig, role: ConfigRole): CheckedConfig {
  const problems: ConfigProblem[] = [...raw.problems];
  const warnings: ConfigProblem[] = [];
  const add = (list: ConfigProblem[]) => (path: readonly PathPart[], message: string) => {
    list.push({ path: formatPath(path), where: raw.locate(path), message });
  };
  const findings: Findings = { problem: add(problems), warning: add(warnings) };
  for (const name of raw.sectionNames) {
    if (!Object.hasOwn(SECTIONS, name)) reportUnknownKey(findings, [], name);
  }
  const checker = new SectionChecker(raw, findings);
  const sections = {
    apps: checkApps(checker, role, findings),
    channels: checker.check(channelsSchema, "channels")?.map(toChannelRule) ?? null,
    gateway: checker.check(gatewaySchema, "gateway"),
    publisher: checker.check(publisherSchema, "publisher"),
    webhooks: checker.check(webhooksSchema, "webhooks"),
    admin: checker.check(adminSchema, "admin"),
    nats: checker.check(natsSchema, "nats"),
    log: checker.check(logSchema, "log"),
    tracing: checker.check(tracingSchema, "tracing"),
  };
  addRelations({ sections, rawApps: raw.section("apps"), role, findings });
  return { sections: complete(sections), problems, warnings };
}

function complete(sections: PartialSections): Sections | null {
  const { apps, channels, gateway, publisher, webhooks, admin, nats, log, tracing } = sections;
  if (apps === null || channels === null || gateway === null || publisher === null) return null;
  if (webhooks === null || admin === null || nats === null || log === null || tracing === null) return null;
  return { apps, channels, gateway, publisher, webhooks, admin, nats, log, tracing };
}

function checkApps(checker: SectionChecker, role: ConfigRole, findings: Findings): readonly AppSettings[] | null {
  const { raw } = checker;
  const value = raw.section("apps");
  const isEmpty = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
  if (!isEmpty) return checker.check(appsSchema, "apps")?.map(toAppSettings) ?? null;
  if (role === "dev") return [DEV_APP];
  findings.problem(
    ["apps"],
    "must have at least one app: add it to the file, or set CARILLON_APP_ID, CARILLON_APP_KEY and CARILLON_APP_SECRET",
  );
  return null;
}

class SectionChecker {
  readonly raw: RawConfig;
  readonly #findings: Findings;

  constructor(raw: RawConfig, findings: Findings) {
    this.raw = raw;
    this.#findings = findings;
  }

  check<Schema extends z.ZodType>(schema: Schema, name: string): z.output<Schema> | null {
    const result = schema.safeParse(this.raw.section(name));
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      const path: PathPart[] = [name, ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part))];
      this.#report(issue, path);
    }
    return null;
  }

  #report(issue: z.core.$ZodIssue, path: readonly PathPart[]): void {
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) reportUnknownKey(this.#findings, path, key);
    } else if (issue.code === "invalid_type") {
      this.#findings.problem(path, issue.expected === "array" ? "must be a list" : "must be a map of keys and values");
    } else if (issue.code === "custom" && issue.message !== UNRESOLVED_MESSAGE) {
      const twin = issue.message === "is required" ? this.raw.twinOf(path) : "";
      this.#findings.problem(path, twin === "" ? issue.message : `${issue.message} (or set ${twin})`);
    } else if (issue.code !== "custom") {
      this.#findings.problem(path, "is not allowed");
    }
  }
}

function reportUnknownKey(findings: Findings, parent: readonly PathPart[], key: string): void {
  if (!PLAIN_KEY.test(key)) {
    findings.problem(parent, "has a key that is not known here; is a blank missing behind a colon?");
    return;
  }
  findings.problem([...parent, key], `is not a known key.${hint(parent, key)}`);
}

function hint(parent: readonly PathPart[], key: string): string {
  const known = keysAt(parent);
  const suggestion = didYouMean(key, known);
  if (suggestion !== "") return suggestion;
  const elsewhere = listSettings().filter((setting) => setting.path.at(-1) === key);
  if (elsewhere.length > 0) return ` Did you mean ${elsewhere.map((setting) => setting.name).join(" or ")}?`;
  return ` Known here are ${known.join(", ")}.`;
}
