import { loadConfig } from "@carillon/service";
import { expect, test } from "vitest";
import { problemsOf } from "./refusal.ts";

const load = (env: Readonly<Record<string, string>>) => loadConfig({ role: "dev", env });

test("X-Forwarded-For wants to know whose word counts", async () => {
  const from = { CARILLON_GATEWAY_CLIENT_ADDRESS_FROM: "xForwardedFor" };
  expect(await problemsOf(load(from))).toEqual([expect.stringMatching(/clientAddress\.trustedProxies.* is needed/)]);
  const { gateway } = await load({ ...from, CARILLON_GATEWAY_CLIENT_ADDRESS_TRUSTED_PROXIES: "10.0.0.0/8,fd00::1" });
  expect(gateway.clientAddress).toEqual({
    from: "xForwardedFor",
    trustedProxies: ["10.0.0.0/8", "fd00::1"],
    force: false,
  });
});

test("PROXY headers are refused unless they are forced", async () => {
  const from = { CARILLON_GATEWAY_CLIENT_ADDRESS_FROM: "proxyProtocol" };
  expect(await problemsOf(load(from))).toEqual([expect.stringMatching(/clientAddress\.from.* can't be proxyProtocol/)]);
  const { gateway } = await load({ ...from, CARILLON_GATEWAY_CLIENT_ADDRESS_FORCE: "true" });
  expect(gateway.clientAddress.from).toBe("proxyProtocol");
});

test.each(["10.0.0.0/33", "10.1", "10.0.0.0/8/8", "localhost", "fd00::/129", "::g"])(
  "%s is no range of addresses",
  async (range) => {
    expect(await problemsOf(load({ CARILLON_GATEWAY_CLIENT_ADDRESS_TRUSTED_PROXIES: range }))).toEqual([
      expect.stringMatching(/must be an IP address, or a range/),
    ]);
  },
);
