import { describe, expect, it } from "vitest";
import { checkMediaType } from "../src/media-type.ts";

describe("checkMediaType", () => {
  it.each([
    "",
    "application/json",
    "application/json; charset=utf-8",
    "Application/JSON;charset=UTF-8",
    "application/vnd.orders+json",
    "application/json ; version=1",
    "text/plain;charset=UTF-8",
  ])("passes %j", (contentType) => {
    expect(checkMediaType(contentType).ok).toBe(true);
  });

  it.each([
    ["application/x-www-form-urlencoded", "curl -d"],
    ["multipart/form-data; boundary=x", "form"],
    ["application/octet-stream", "must be JSON"],
    ["text/html", "must be JSON"],
    ["application/jsonp", "must be JSON"],
    ["x application/json", "must be JSON"],
  ])("refuses %j and says which header to send", (contentType, expected) => {
    expect(checkMediaType(contentType)).toMatchObject({
      ok: false,
      code: "unsupported_media_type",
      message: expect.stringMatching(new RegExp(`${expected}.*content-type: application/json`)),
    });
  });
});
