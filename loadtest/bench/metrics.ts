import type { RunningContender } from "./contender.ts";

/** A metric of each gateway of a contender, summed up over its labels. Rejects when a gateway has no metrics. */
export async function metricOfGateways(contender: RunningContender, name: string): Promise<readonly number[]> {
  return await Promise.all(
    contender.gateways.map(async ({ adminPort }) => {
      if (adminPort === null) throw new Error(`${contender.name} has no metrics`);
      const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
      return sumOfMetric(await answer.text(), name);
    }),
  );
}

/** The sum of a metric's samples in Prometheus's text format; 0 when it isn't there. */
export function sumOfMetric(text: string, name: string): number {
  let sum = 0;
  for (const line of text.split("\n")) {
    if (!line.startsWith(name)) continue;
    const rest = line.slice(name.length);
    // Another metric whose name goes on.
    if (!rest.startsWith("{") && !rest.startsWith(" ")) continue;
    sum += Number(rest.slice(rest.lastIndexOf(" ") + 1));
  }
  return sum;
}
