import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { PUBLISH_APIS } from "../bench/generator/publish-api.ts";

const CHANNEL = "bench-shared";

describe("publish APIs of the bench", () => {
  test("every body is JSON that names the channel, and as long as any other of its API", () => {
    for (const api of Object.values(PUBLISH_APIS)) {
      const body = api.body(CHANNEL);
      expect(JSON.parse(body)).toMatchObject({ channel: CHANNEL });
      expect(api.body(CHANNEL)).toHaveLength(body.length);
    }
  });

  test("Pusher's carries the signature that its rules ask for", () => {
    const { body, path } = PUBLISH_APIS.pusher;
    const url = new URL(path(body(CHANNEL)), "http://127.0.0.1");
    const signature = url.searchParams.get("auth_signature");
    url.searchParams.delete("auth_signature");
    url.searchParams.sort();
    const signed = `POST\n${url.pathname}\n${url.searchParams}`;
    expect(signature).toBe(createHmac("sha256", "app-secret").update(signed).digest("hex"));
  });

  test("a refusal isn't taken for an answer, also where it comes with status 200", () => {
    const { native, pusher, centrifugo } = PUBLISH_APIS;
    expect([native.isAccepted(204, ""), native.isAccepted(401, "")]).toEqual([true, false]);
    expect([pusher.isAccepted(200, "{}"), pusher.isAccepted(401, "{}")]).toEqual([true, false]);
    expect(centrifugo.isAccepted(200, '{"result":{}}')).toBe(true);
    expect(centrifugo.isAccepted(200, '{"error":{"code":102,"message":"unknown channel"}}')).toBe(false);
  });
});
