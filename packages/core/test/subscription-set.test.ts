import { Channel, type Subscription, SubscriptionSet } from "@carillon/core";
import fc from "fast-check";
import { expect, it } from "vitest";

const step = fc.record({
  act: fc.constantFrom("add" as const, "add" as const, "remove" as const, "stale" as const, "takeAll" as const),
  name: fc.nat({ max: 14 }).map((number) => `channel-${number}`),
});

function subscriptionTo(name: string): Subscription {
  return {
    channel: new Channel({ appId: "1", channel: name }, () => undefined, null),
    pending: null,
    isByCapability: false,
    member: null,
  };
}

it("SubscriptionSet › behaves like a map by name, however many there are", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const set = new SubscriptionSet();
      const model = new Map<string, Subscription>();
      for (const { act, name } of steps) {
        const existing = model.get(name);
        if (act === "add" && existing === undefined) {
          const added = subscriptionTo(name);
          set.add(added);
          model.set(name, added);
        } else if (act === "remove" && existing !== undefined) {
          expect(set.remove(existing)).toBe(model.delete(name));
          expect(set.remove(existing)).toBe(false);
        } else if (act === "stale") {
          // One that was there before, or never: another of its name must stay.
          expect(set.remove(subscriptionTo(name))).toBe(false);
        } else if (act === "takeAll" && model.size > 12) {
          expect(new Set(set.takeAll())).toEqual(new Set(model.values()));
          model.clear();
        }
        expect(set.size).toBe(model.size);
        for (let number = 0; number <= 14; number++)
          expect(set.get(`channel-${number}`)).toBe(model.get(`channel-${number}`));
      }
      expect(new Set(set.takeAll())).toEqual(new Set(model.values()));
      expect([set.size, set.takeAll()]).toEqual([0, []]);
    }),
    { numRuns: 300 },
  );
});
