import { AutoInterest, type AutoInterestOptions } from "./auto-interest.ts";
import { ExactInterest, type Interest } from "./interest.ts";
import type { NatsBusOptions } from "./options.ts";
import { PartitionInterest } from "./partition-interest.ts";

/** Makes the empty interest of a connection, of the kind that a node was told to have. */
export function createInterest(
  { interest = "exact", autoInterest }: Pick<NatsBusOptions, "interest" | "autoInterest">,
  options: AutoInterestOptions,
): Interest {
  switch (interest) {
    case "exact":
      return new ExactInterest(options);
    case "partition":
      return new PartitionInterest(options);
    case "auto":
      return new AutoInterest({ ...options, ...(autoInterest === undefined ? {} : { settings: autoInterest }) });
    default:
      return interest satisfies never;
  }
}
