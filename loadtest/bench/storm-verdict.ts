import type { FollowerReport } from "./generator/messages.ts";

/** What was seen of a recovery storm. */
export interface StormFacts {
  readonly clients: number;
  /** Numbered events that were acknowledged as kept: 1 up to this. */
  readonly published: number;
  readonly refused: number;
  /** One for each process that played clients. */
  readonly reports: readonly FollowerReport[];
  /** Reads of the store by each gateway, from the drop until the end. */
  readonly reads: readonly number[];
  /** The most that a gateway may make. */
  readonly maxReads: number;
}

/**
 * What was wrong, in words: nothing only when every client is back, was told that nothing is missing, and has got every event
 * once and in order.
 */
export function problemsOfStorm({ clients, published, refused, reports, reads, maxReads }: StormFacts): string[] {
  const sum = (of: (report: FollowerReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const problems: string[] = [];
  const complain = (count: number, what: string): void => {
    if (count > 0) problems.push(`${count} ${what}`);
  };
  if (published === 0) problems.push("nothing was published");
  complain(refused, "publishes were refused");
  complain(clients - sum(({ returned }) => returned), `of ${clients} clients did not come back`);
  const reasons = new Map<string, number>();
  for (const { unrecovered } of reports) {
    for (const [reason, count] of unrecovered) reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  }
  for (const [reason, count] of reasons) complain(count, `clients were not told that nothing is missing: ${reason}`);
  complain(
    clients - sum(({ complete }) => complete),
    `of ${clients} clients do not have all ${published} events at the end`,
  );
  complain(
    sum(({ missing }) => missing),
    "events were left out",
  );
  complain(
    sum(({ repeated }) => repeated),
    "events came again, or out of order",
  );
  complain(
    sum(({ gaps }) => gaps),
    "gaps were announced",
  );
  complain(
    sum(({ lost }) => lost),
    "connections were closed by a gateway",
  );
  complain(
    sum(({ malformed }) => malformed),
    "sampled deliveries were not what was published",
  );
  for (const [gateway, count] of reads.entries()) {
    if (count > maxReads) problems.push(`gateway ${gateway + 1} read the store ${count} times, more than ${maxReads}`);
  }
  return problems;
}
