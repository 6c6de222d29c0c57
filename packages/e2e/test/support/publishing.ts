import { eventually } from "@carillon/testkit";
import { expect } from "vitest";
import type { CarillonProcess } from "./carillon-process.ts";

/** How long outages may take to be over. */
export const SETTLE = { timeoutMs: 60_000 };

/** The numbers from 1 to `count`. */
export const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** Publishes numbers, one after the other; each must be accepted. */
export async function publish(publisher: CarillonProcess, channel: string, numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    const response = await publisher.publish({ channel, event: "numbered", payload: number });
    expect(response.status).toBe(204);
  }
}

/** Publishes until it is accepted, with one id, as a caller would who can't do without. */
export async function insist(publisher: CarillonProcess, channel: string, number: number): Promise<readonly number[]> {
  const statuses: number[] = [];
  const body = { channel, event: "numbered", payload: number, id: `${channel}-${number}` };
  await eventually(async () => {
    const response = await publisher.publish(body);
    statuses.push(response.status);
    expect(response.status).toBe(204);
  }, SETTLE);
  return statuses;
}
