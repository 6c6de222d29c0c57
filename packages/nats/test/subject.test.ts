import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkedSubject,
  escapeToken,
  isSubjectPrefix,
  MAX_SUBJECT_BYTES,
  partitionOf,
  SubjectSpace,
  unescapeToken,
} from "../src/subject.ts";

const utf16Unit = fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit));
const meaningful = fc.constantFrom(
  ".",
  "*",
  ">",
  " ",
  "\t",
  "\r",
  "\n",
  "\r\n",
  "\0",
  "=",
  "=2E",
  "$SYS",
  "a",
  "🔔",
  "あ",
);
const anyName = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(utf16Unit, { maxLength: 20 }).map((units) => units.join("")),
  fc.array(meaningful, { maxLength: 10 }).map((parts) => parts.join("")),
);

describe("escapeToken", () => {
  it("law › any string comes back, and its token is one token of safe characters", () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const token = escapeToken(name);
        expect(token).toMatch(/^(?:=|(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+)$/);
        expect(unescapeToken(token)).toBe(name);
      }),
      { numRuns: 2_000 },
    );
  });

  it("law › what it can't have made is not read", () => {
    const foreign = fc.array(fc.constantFrom("=", "a", "F", "2e", "2E", "41", "C0", "80", "F8", "é", "."), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(foreign, (parts) => {
        const token = parts.join("");
        const name = unescapeToken(token);
        if (name !== null) expect(escapeToken(name)).toBe(token);
      }),
      { numRuns: 2_000 },
    );
    for (const token of ["=2e", "=41", "=C0=80", "=FF", "=", "a=", "a=2", "é", "", "a.b"].filter(
      (each) => each !== "=",
    )) {
      expect(unescapeToken(token)).toBeNull();
    }
  });

  it("examples › are readable and stay as they are for ever", () => {
    expect(escapeToken("user-42_A")).toBe("user-42_A");
    expect(escapeToken("private-orders.eu@1=2;3,4")).toBe("private-orders=2Eeu=401=3D2=3B3=2C4");
    expect(escapeToken("a b\r\n")).toBe("a=20b=0D=0A");
    expect(escapeToken("é🔔")).toBe("=C3=A9=F0=9F=94=94");
    expect(escapeToken("\ud800")).toBe("=ED=A0=80");
    expect(escapeToken("")).toBe("=");
  });
});

describe("partitionOf", () => {
  it("vectors › pin the hash: other values would cut old and new nodes off each other", () => {
    expect(partitionOf("1001", "user-42")).toBe("e4");
    expect(partitionOf("1001", "private-orders=2Eeu")).toBe("35");
    expect(partitionOf("app", "a")).toBe("4a");
    expect(partitionOf("=", "=")).toBe("1a");
    expect(partitionOf("dev", "demo")).toBe("6b");
  });

  it("spread › personal channels fall evenly into all partitions", () => {
    const counts = new Map<string, number>();
    for (let user = 0; user < 100_000; user++) {
      const partition = partitionOf("1001", `user-${user}`);
      counts.set(partition, (counts.get(partition) ?? 0) + 1);
    }
    expect(counts.size).toBe(256);
    // 391 on average; six standard deviations are about 120.
    expect(Math.max(...counts.values())).toBeLessThan(510);
    expect(Math.min(...counts.values())).toBeGreaterThan(270);
  });
});

describe("SubjectSpace", () => {
  const space = new SubjectSpace("carillon");

  it("law › names come back from the subject, which has five tokens and no wildcard", () => {
    fc.assert(
      fc.property(anyName, anyName, (appId, channel) => {
        const subject = space.of("pub", appId, channel);
        expect(subject).toMatch(/^[\x21-\x7e]+$/);
        expect(subject.split(".")).toHaveLength(5);
        expect(subject).not.toMatch(/[*>]|\.\.|\.$/);
        expect(space.parse(subject)).toEqual({ kind: "pub", appId, channel });
      }),
      { numRuns: 1_000 },
    );
  });

  it("law › different names have different subjects", () => {
    fc.assert(
      fc.property(fc.tuple(anyName, anyName), fc.tuple(anyName, anyName), (one, other) => {
        const isSame = space.of("pub", ...one) === space.of("pub", ...other);
        expect(isSame).toBe(one[0] === other[0] && one[1] === other[1]);
      }),
    );
  });

  it("shape › is what NATS permissions and streams are written for", () => {
    const partition = partitionOf("1001", "user-42");
    expect(space.of("pub", "1001", "user-42")).toBe(`carillon.pub.1001.${partition}.user-42`);
    expect(space.ofPartition("pub", "3f")).toBe("carillon.pub.*.3f.*");
    expect(space.isWildcard(space.ofPartition("pub", "3f"))).toBe(true);
    expect([space.of("pub", "1001", "*"), "other.pub.*.3f.*"].some((each) => space.isWildcard(each))).toBe(false);
    expect(space.all("once")).toBe("carillon.once.>");
    expect(space.streamName("ONCE")).toBe("CARILLON_ONCE");
    expect(new SubjectSpace("eu.carillon-2").streamName("ONCE")).toBe("EU_CARILLON-2_ONCE");
  });

  it("parse › foreign subjects are not taken for channels", () => {
    const good = space.of("pub", "1001", "a");
    const foreign = [
      "",
      "carillon",
      "carillonx.pub.a.00.b",
      `${good}.x`,
      good.replace(/\.[0-9a-f]{2}\./, ".zz."),
      "carillon.pub.a",
    ];
    for (const subject of foreign) expect(space.parse(subject)).toBeNull();
  });

  it("bounds › the longest channel name fits; names that would break the connection are refused", () => {
    expect(space.of("pub", "1".repeat(64), "あ".repeat(200)).length).toBeLessThan(MAX_SUBJECT_BYTES);
    expect(() => space.of("pub", "1", "あ".repeat(500))).toThrow(RangeError);
  });

  it("prefix › only what needs no escaping", () => {
    for (const prefix of ["carillon", "a.b.c.d", "A_1-x"]) expect(isSubjectPrefix(prefix)).toBe(true);
    for (const prefix of ["", ".", "a.", ".a", "a..b", "a b", "a*", ">", "$SYS", "é", "a\r\n", "a.b.c.d.e"]) {
      expect(isSubjectPrefix(prefix)).toBe(false);
      expect(() => new SubjectSpace(prefix)).toThrow(TypeError);
    }
  });
});

describe("checkedSubject", () => {
  it("wire › nothing that NATS reads as a command, a queue group or an empty token gets through", () => {
    for (const subject of ["", "a b", "a\r\nPUB x 0\r\n\r\n", "a\tb", "a..b", ".a", "a.", "é", "a\u0000", "a\u007f"]) {
      expect(() => checkedSubject(subject)).toThrow(RangeError);
    }
    expect(checkedSubject("carillon.pub.*.00.*")).toBe("carillon.pub.*.00.*");
  });
});
