import { MAX_USER_INFO_BYTES, userInfoIn, userInfoText } from "@carillon/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonText } from "./support/arbitraries.ts";

const infoIn = (data: string) => userInfoIn(data, JSON.parse(data) as { user_info?: unknown });

describe("userInfoIn", () => {
  it("P19, P33 › is the text that stands there, or none", () => {
    fc.assert(
      fc.property(jsonText, (info) => {
        // Half a surrogate pair has no UTF-8 form, so it can't be what came in a frame.
        fc.pre(!/\p{Surrogate}/u.test(info) && info.length < 300);
        expect(infoIn(`{ "user_info" :${info} }`)).toBe(info === "null" ? null : info);
      }),
    );
    expect(infoIn("{}")).toBeNull();
  });

  it("P19, P33 › no more than 1,024 bytes travel; blanks and escapes alone make nothing too long", () => {
    const letters = "é".repeat((MAX_USER_INFO_BYTES - 2) / 2);
    expect(infoIn(`{"user_info":"${letters}"}`)).toBe(`"${letters}"`);
    expect(infoIn(`{"user_info":"${letters}x"}`)).toBeUndefined();
    const escaped = letters.replaceAll("é", "\\u00e9");
    expect(infoIn(`{"user_info":"${escaped}"}`)).toBe(`"${letters}"`);
    const spaced = `[${Array.from({ length: 400 }, () => "1").join(", ")}]`;
    expect(infoIn(`{"user_info":${spaced}}`)).toBe(spaced.replaceAll(" ", ""));
  });

  it("takes whatever userInfoText takes", () => {
    fc.assert(
      fc.property(jsonText, (info) => {
        const isTaken = userInfoText(JSON.parse(info)) !== undefined;
        if (isTaken) expect(infoIn(`{"user_info":${info}}`)).not.toBeUndefined();
      }),
    );
  });
});
