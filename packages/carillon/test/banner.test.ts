import { devConfig } from "@carillon/service";
import { expect, it } from "vitest";
import { banner } from "../src/cli/banner.ts";

const ADDRESSES = { url: "http://0.0.0.0:8080", webSocketUrl: "ws://0.0.0.0:8080/ws", adminUrl: "" };

it("banner › has what Pusher's server SDK is made with, ready to paste", () => {
  const config = devConfig();
  expect(banner(config, ADDRESSES)).toContain(
    'new Pusher({ appId: "1001", key: "app-key", secret: "app-secret", host: "127.0.0.1", port: 8080, useTLS: false })',
  );
});

it("banner › doesn't write a secret of one's own into code", () => {
  const config = devConfig();
  const apps = config.apps.map((app) => ({ ...app, secrets: ["a-secret-of-my-own"] }));
  expect(banner({ ...config, apps }, ADDRESSES)).toContain("secret: process.env.APP_SECRET,");
});

it("banner › has what a page's Pusher client is made with, ready to paste", () => {
  const made = 'new Pusher("app-key", { cluster: "any", wsHost: "127.0.0.1", wsPort: 8080, forceTLS: false, ';
  expect(banner(devConfig(), ADDRESSES)).toContain(`${made}enabledTransports: ["ws"] })`);
  const onDefaultPort = { ...ADDRESSES, webSocketUrl: "ws://[::]:80/ws" };
  expect(banner(devConfig(), onDefaultPort)).toContain('wsHost: "[::1]", wsPort: 80,');
});
