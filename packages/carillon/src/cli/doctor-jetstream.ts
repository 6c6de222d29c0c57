import type {
  JetStreamRefusal,
  JetStreamReport,
  PresentStream,
  StorageReport,
  StreamReport,
  StreamUse,
} from "@carillon/nats";
import { type Config, type ConfigRole, largestLimits } from "@carillon/service";
import type { Finding } from "./finding.ts";

/** How a use is told: what it is called, the section of the settings that it has, and what makes it wanted. */
interface UseWords {
  readonly subject: string;
  readonly section: string;
  /** What doesn't go without it; null where the configuration asks for nothing that does. */
  readonly wantedBy: string | null;
  /** Of what can't be used: `warning` where a process does without. */
  readonly verdict: "bad" | "warning";
}

const WORDS: Readonly<Record<StreamUse, UseWords>> = {
  history: { subject: "histories", section: "nats.history", wantedBy: "channels[].history", verdict: "bad" },
  idempotency: { subject: "publish ids", section: "nats.idempotency", wantedBy: null, verdict: "warning" },
  webhooks: { subject: "webhooks", section: "nats.webhooks", wantedBy: "apps[].webhooks", verdict: "bad" },
  deadLetters: { subject: "dead letters", section: "nats.webhooks", wantedBy: "apps[].webhooks", verdict: "bad" },
  // A gateway that can't read them takes nobody in.
  blocks: { subject: "blocks", section: "nats.blocks", wantedBy: null, verdict: "bad" },
};

/** From this part of a limit on it is worth a note. */
const NEARLY_FULL = 0.8;
const MIB = 1024 ** 2;

/** What a process of this role keeps in streams, or reads from them, with this configuration. */
export function usesOf(role: ConfigRole, { apps, channels }: Pick<Config, "apps" | "channels">): readonly StreamUse[] {
  const publishes = role !== "webhooks";
  const hasWebhooks = apps.some(({ webhooks }) => webhooks.length > 0);
  const wanted: Readonly<Record<StreamUse, boolean>> = {
    history: publishes && largestLimits(channels) !== null,
    idempotency: publishes,
    webhooks: hasWebhooks && role !== "publisher",
    deadLetters: hasWebhooks && (role === "webhooks" || role === "dev"),
    blocks: true,
  };
  return (Object.keys(WORDS) as StreamUse[]).filter((use) => wanted[use]);
}

/** What to say of JetStream to somebody who is about to start a process of this role. */
export function jetStreamFindings(report: JetStreamReport, role: ConfigRole): readonly Finding[] {
  const { account, streams } = report;
  const disabled = [account, ...streams.map(({ state }) => state)].find((each) => each.kind === "disabled");
  if (disabled?.kind === "disabled") return [disabledFinding(disabled.on, streams)];
  return [...accountFindings(account), ...streamFindings(report, role)];
}

function disabledFinding(on: "server" | "account", streams: readonly StreamReport[]): Finding {
  const wanting = new Set(streams.flatMap(({ use }) => WORDS[use].wantedBy ?? []));
  const where = on === "server" ? "on NATS" : "for this account of NATS";
  const how =
    on === "server"
      ? 'add "jetstream {}" to the configuration of nats-server'
      : 'add "jetstream: enabled" to the account in the configuration of nats-server';
  const without = "publishes with an id are refused, and nobody can be blocked";
  return wanting.size === 0
    ? { verdict: "warning", subject: "JetStream", detail: `not enabled ${where}: ${without}; if you want that, ${how}` }
    : {
        verdict: "bad",
        subject: "JetStream",
        detail: `not enabled ${where}, and ${[...wanting].join(" and ")} need it: ${how}`,
      };
}

function accountFindings(account: JetStreamReport["account"]): readonly Finding[] {
  const subject = "JetStream";
  if (account.kind === "enabled") return account.storage.map(storageFinding);
  if (account.kind === "forbidden") {
    const detail = `how much the account stores is not known: ${reasonOf(account)}. Only this check needs that`;
    return [{ verdict: "warning", subject, detail }];
  }
  return [{ verdict: "bad", subject, detail: reasonOf(account) }];
}

function storageFinding({ tier, usedBytes, limitBytes }: StorageReport): Finding {
  const subject = "JetStream";
  const used = `enabled${tier === null ? "" : `, ${tier}`}; ${mib(usedBytes)} stored or reserved on disk`;
  if (limitBytes === null) {
    const detail = `${used}, and no limit of the account; that of the servers (max_file_store) they tell in their monitoring`;
    return { verdict: "good", subject, detail };
  }
  const detail = `${used}, of ${mib(limitBytes)} that the account may`;
  if (usedBytes < limitBytes * NEARLY_FULL) return { verdict: "good", subject, detail };
  const advice = "beyond it nothing is kept, and no stream made: raise max_file of the account, or keep less";
  return { verdict: usedBytes < limitBytes ? "warning" : "bad", subject, detail: `${detail}; ${advice}` };
}

/** A line for each use and each thing that is to be said of its streams. */
function streamFindings(report: JetStreamReport, role: ConfigRole): readonly Finding[] {
  const groups = new Map<string, { readonly finding: Finding; readonly names: string[] }>();
  for (const stream of report.streams) {
    for (const finding of findingsOf(stream, report, role)) {
      const key = JSON.stringify(finding);
      const group = groups.get(key) ?? { finding, names: [] };
      group.names.push(stream.name);
      groups.set(key, group);
    }
  }
  return [...groups.values()].map(({ finding, names }) => ({
    ...finding,
    detail: `${names.join(", ")}: ${finding.detail}`,
  }));
}

function findingsOf(
  { use, wantedReplicas, state }: StreamReport,
  { isClustered }: JetStreamReport,
  role: ConfigRole,
): readonly Finding[] {
  const { subject, section, verdict } = WORDS[use];
  switch (state.kind) {
    case "present":
      return presentFindings(state, { use, wantedReplicas });
    case "absent":
      return wantedReplicas > 1 && !isClustered
        ? [
            {
              verdict,
              subject,
              detail: `can't be made: ${section}.replicas asks for ${copies(wantedReplicas)}, and NATS is one server: say 1, or make NATS a cluster`,
            },
          ]
        : [{ verdict: "good", subject, detail: "not there yet, which is fine: the first use makes it" }];
    case "unusable":
      return [{ verdict, subject, detail: state.reason }];
    case "forbidden":
      return [{ verdict, subject, detail: `${reasonOf(state)}, as deploy/nats/permissions-${role}.conf does` }];
    case "silent":
    case "disabled":
    case "refused":
      return [{ verdict, subject, detail: reasonOf(state) }];
    default:
      return state satisfies never;
  }
}

function presentFindings(
  { replicas, hasLeader, away, behind, fullness }: PresentStream,
  { use, wantedReplicas }: Pick<StreamReport, "use" | "wantedReplicas">,
): readonly Finding[] {
  const { subject, section, verdict } = WORDS[use];
  const found: Finding[] = [];
  const note = (detail: string): void => void found.push({ verdict: "warning", subject, detail });
  const servers = away.length === 0 ? "" : ` (no word from ${away.join(", ")})`;
  if (!hasLeader) {
    const detail = `no leader that most of its ${copies(replicas)} hear${servers}: start those servers of NATS again; nothing is kept until then`;
    found.push({ verdict, subject, detail });
  } else if (away.length > 0) {
    note(`${away.length} of ${copies(replicas)} away, on ${away.join(", ")}: start that server of NATS again`);
  }
  if (hasLeader && behind.length > 0) {
    note(`the copy on ${behind.join(", ")} is behind; if it doesn't catch up, look at that server's disk and log`);
  }
  if (replicas !== wantedReplicas) {
    note(
      `${copies(replicas)}, and ${section}.replicas asks for ${wantedReplicas}: a process changes that when it first uses it; ` +
        "if it can't, it logs why (…_stream_not_updated)",
    );
  }
  if (fullness !== null && fullness >= NEARLY_FULL) {
    note(
      `${Math.floor(fullness * 100)} % of its limit of bytes are used, and beyond that more is refused${ADVICE_WHEN_FULL[use] ?? ""}`,
    );
  }
  return found.length > 0 ? found : [{ verdict: "good", subject, detail: `${copies(replicas)}, with a leader` }];
}

/** Of those that refuse when they are full. */
const ADVICE_WHEN_FULL: Partial<Readonly<Record<StreamUse, string>>> = {
  webhooks: ": see that webhook workers run and applications answer, or raise nats.webhooks.maxBytes",
  blocks: ": remove some, or let them expire",
};

/** What is wrong, and what to do. */
function reasonOf(refusal: JetStreamRefusal): string {
  switch (refusal.kind) {
    case "disabled":
      return "JetStream is not enabled";
    case "forbidden":
      return `NATS does not permit this user to ${refusal.operation === "publish" ? "publish on" : "subscribe to"} ${refusal.subject}: allow it at NATS`;
    case "silent":
      return "nobody answered within five seconds: the server of NATS that has it is away, or a leader is being elected: start that server, or look again in ten seconds";
    case "refused":
      return `JetStream says "${refusal.reason}": see that more than half of the servers of NATS run, and read their logs`;
    default:
      return refusal satisfies never;
  }
}

function copies(count: number): string {
  return count === 1 ? "1 copy" : `${count} copies`;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(bytes < 10 * MIB ? 1 : 0)} MiB`;
}
