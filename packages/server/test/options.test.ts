import { describe, expect, it } from "vitest";
import { CarillonServer, type CarillonServerOptions } from "../src/index.ts";

const RIGHT = { appId: "1001", key: "app-key", secret: "app-secret", host: "http://127.0.0.1:8080" };

describe("new CarillonServer", () => {
  it.each(["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "https://publish.example.com", "http://[::1]:8081"])(
    "takes the origin %s",
    (host) => {
      expect(new CarillonServer({ ...RIGHT, host })).toBeInstanceOf(CarillonServer);
    },
  );

  it.each<[string, object, RegExp]>([
    ["no app id", { appId: undefined }, /"appId" is missing.*environment variable/],
    ["a number as app id", { appId: 1001 }, /"appId" must be a string, not a number/],
    ["an app id that is none", { appId: "shop/1" }, /"appId" must have 1 to 64 characters/],
    ["no key", { key: "" }, /"key" is missing/],
    ["no secret", { secret: undefined }, /"secret" is missing/],
    ["a secret with a line end", { secret: "app-secret\n" }, /"secret" begins or ends with blanks/],
    ["an empty publish secret", { publishSecret: "" }, /"publishSecret" is missing/],
    ["no host", { host: undefined }, /"host" is missing/],
    ["a host without a scheme", { host: "publish.example.com" }, /"host" must be an origin such as https:/],
    ["host and port without a scheme", { host: "localhost:8080" }, /"host" must begin with https:/],
    ["a gateway", { host: "ws://127.0.0.1:8080" }, /of a gateway.*publish API/],
    ["a path", { host: "http://127.0.0.1:8080/publish" }, /no path and no query/],
    ["a password", { host: "http://a:b@127.0.0.1:8080" }, /user or a password/],
    ["no time", { timeoutMs: 0 }, /"timeoutMs" must be a whole number from 1 to 600000/],
    ["retries without end", { maxRetries: Number.POSITIVE_INFINITY }, /"maxRetries" .* from 0 to 10/],
    ["a fetch that is none", { fetch: "fetch" }, /"fetch" must be a function/],
  ])("refuses %s with a TypeError that says what to do", (_what, changes, message) => {
    const make = () => new CarillonServer({ ...RIGHT, ...changes } as CarillonServerOptions);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });

  it("refuses none at all", () => {
    expect(() => new CarillonServer(undefined as never)).toThrow(/needs options: \{ appId, key, secret, host \}/);
  });

  it("a secret is in no message", () => {
    expect(() => new CarillonServer({ ...RIGHT, secret: " hidden " })).not.toThrow(/hidden/);
  });

  it("shows no secret when it is logged", () => {
    expect(JSON.stringify(new CarillonServer(RIGHT))).not.toContain("app-secret");
  });
});
