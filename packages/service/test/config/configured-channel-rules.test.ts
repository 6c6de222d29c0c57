import { matchesPattern } from "@carillon/protocol";
import { type ConfiguredChannelRule, ConfiguredChannelRules, largestLimits } from "@carillon/service";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const rule = (match: string, messages: number | null, apps: readonly string[] = []): ConfiguredChannelRule => ({
  match,
  apps,
  history: messages === null ? null : { messages, maxAgeMs: 1000 },
  isCache: false,
  presenceListUpTo: 1000,
});

describe("largestLimits", () => {
  it("takes each limit from whichever rule has the largest", () => {
    expect(largestLimits([])).toBeNull();
    expect(largestLimits([rule("a", null)])).toBeNull();
    const old = { ...rule("b", 2), history: { messages: 2, maxAgeMs: 9000 } };
    expect(largestLimits([rule("a", 7), rule("x", null), old])).toEqual({ messages: 7, maxAgeMs: 9000 });
  });
});

describe("ConfiguredChannelRules", () => {
  it("gives a channel that no rule matches no history", () => {
    expect(new ConfiguredChannelRules({ rules: [] }).ruleOf("1", "a")).toEqual({
      history: null,
      isCache: false,
      presenceListUpTo: 1000,
    });
    expect(new ConfiguredChannelRules({ rules: [rule("b", 1)] }).ruleOf("1", "a")).toEqual({
      history: null,
      isCache: false,
      presenceListUpTo: 1000,
    });
  });

  it("makes channels caches by their names: what the rule keeps, or else the newest event for half an hour", () => {
    const kept = { messages: 1, maxAgeMs: 1_800_000 };
    const rules = new ConfiguredChannelRules({ rules: [rule("cache-long-*", 7), rule("private-*", null)] });
    expect(rules.ruleOf("1", "cache-a")).toMatchObject({ isCache: true, history: kept });
    expect(rules.ruleOf("1", "cache-long-a")).toMatchObject({ isCache: true, history: { messages: 7 } });
    for (const name of ["private-cache-a", "private-encrypted-cache-a", "presence-cache-a"]) {
      expect(rules.ruleOf("1", name)).toMatchObject({ isCache: true, history: kept });
      expect(new ConfiguredChannelRules({ rules: [] }).ruleOf("1", name)).toMatchObject({ isCache: true });
    }
    expect(rules.ruleOf("1", "private-a")).toMatchObject({ isCache: false, history: null });
    expect(rules.ruleOf("1", "my-cache-a").isCache).toBe(false);
  });

  it("makes any channel a cache by its rule", () => {
    const rules = new ConfiguredChannelRules({
      rules: [
        { ...rule("a", null), isCache: true },
        { ...rule("b", 5), isCache: true },
      ],
    });
    expect(rules.ruleOf("1", "a")).toMatchObject({ isCache: true, history: { messages: 1 } });
    expect(rules.ruleOf("1", "b")).toMatchObject({ isCache: true, history: { messages: 5 } });
    expect(rules.reload([{ ...rule("a", null), isCache: true }])).toBe(true);
  });

  it("lets the first rule that matches hold, also one without history", () => {
    const rules = new ConfiguredChannelRules({ rules: [rule("a-x*", null), rule("a-*", 1), rule("*", 2)] });
    expect(rules.ruleOf("1", "a-xy").history).toBeNull();
    expect(rules.ruleOf("1", "a-1").history?.messages).toBe(1);
    expect(rules.ruleOf("1", "b").history?.messages).toBe(2);
  });

  it("keeps a rule for some apps from the others", () => {
    const rules = new ConfiguredChannelRules({ rules: [rule("*", 1, ["1", "2"])] });
    expect(rules.ruleOf("2", "a").history).not.toBeNull();
    expect(rules.ruleOf("3", "a").history).toBeNull();
  });

  it("answers from new rules after a reload, also for channels it had been asked for", () => {
    const rules = new ConfiguredChannelRules({ rules: [] });
    expect(rules.hasHistory).toBe(false);
    expect(rules.ruleOf("1", "a").history).toBeNull();
    rules.reload([rule("a", 3)]);
    expect(rules.hasHistory).toBe(true);
    expect(rules.ruleOf("1", "a").history?.messages).toBe(3);
    rules.reload([]);
    expect(rules.ruleOf("1", "a").history).toBeNull();
  });

  it("never asks for more than the store was made for, also after a reload", () => {
    const ceiling = { messages: 5, maxAgeMs: 500 };
    const rules = new ConfiguredChannelRules({ rules: [rule("a", 3)], ceiling });
    expect(rules.ruleOf("1", "a").history).toEqual({ messages: 3, maxAgeMs: 500 });
    expect(rules.reload([rule("a", 5), rule("b", null)])).toBe(false);
    expect(rules.reload([{ ...rule("a", 5), history: ceiling }])).toBe(true);
    expect(rules.reload([rule("a", 9), rule("b", null)])).toBe(false);
    expect(rules.ruleOf("1", "a").history).toEqual(ceiling);
    expect(rules.ruleOf("1", "b").history).toBeNull();
  });

  it("answers as a plain search would, whatever it remembers and forgets", () => {
    const name = fc.stringMatching(/^[ab-]{1,4}$/);
    const pattern = fc.stringMatching(/^[ab*-]{1,4}$/);
    const app = fc.constantFrom("1", "2");
    const anyRule = fc
      .tuple(pattern, fc.option(fc.integer({ min: 1, max: 9 })), fc.subarray(["1", "2"]))
      .map(([match, messages, apps]) => rule(match, messages, apps));
    fc.assert(
      fc.property(fc.array(anyRule, { maxLength: 6 }), fc.array(fc.tuple(app, name)), (list, asked) => {
        const rules = new ConfiguredChannelRules({ rules: list, maxRemembered: 4 });
        for (const [appId, channel] of asked) {
          const first = list.find(
            ({ apps, match }) => (apps.length === 0 || apps.includes(appId)) && matchesPattern(match, channel),
          );
          expect(rules.ruleOf(appId, channel).history).toEqual(first?.history ?? null);
        }
      }),
    );
  });
});
