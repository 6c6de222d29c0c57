import fc from "fast-check";
import { expect, it } from "vitest";
import { RosterState } from "../src/presence/roster-state.ts";

const ids = ["ann", "bob", "eve"] as const;
const id = fc.constantFrom(...ids);
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom("enter" as const, "leave" as const), id }),
  fc.record({ kind: fc.constant("replace" as const), users: fc.subarray([...ids]) }),
  fc.record({ kind: fc.constantFrom("look" as const, "tell" as const, "drop" as const, "forget" as const) }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const expectTruth = (state: RosterState) => expect(state.count).toBe(ids.filter((user) => state.has(user)).length);

/** `version`: of what another node says. */
function act(state: RosterState, each: Step, version: number): void {
  switch (each.kind) {
    case "enter":
      state.enter({ id: each.id, info: null }, 1, 0);
      break;
    case "leave":
      if (state.leave(each.id, 1)) state.remove(each.id);
      break;
    case "replace": {
      const users = each.users.map((user) => ({ id: user, info: null, sinceMs: 1 }));
      state.replace("n2", version, users);
      break;
    }
    case "tell":
      state.diff();
      break;
    case "drop":
      state.drop("n2");
      break;
    case "forget":
      state.forget();
      break;
    case "look":
      expectTruth(state);
  }
}

it("RosterState › counts whoever is there, told or not, whenever it is asked", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const state = new RosterState("n1");
      // Not looked at after each step: several changes of one user come together then.
      for (const [index, each] of steps.entries()) act(state, each, index + 1);
      expectTruth(state);
    }),
  );
});

/** How long it takes for so many to come, each of whom is asked whether there is room, before anybody is told; the best of three. */
function msFor(users: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const state = new RosterState("n1");
    const beganMs = performance.now();
    for (let index = 0; index < users; index++) {
      state.enter({ id: `user-${index}`, info: null }, index, 0);
      expect(state.count).toBe(index + 1);
    }
    best = Math.min(best, performance.now() - beganMs);
  }
  return best;
}

it("RosterState › one more of many who come at once costs what the first one did", () => {
  msFor(500);
  expect(msFor(8000) / msFor(1000)).toBeLessThan(24);
});
