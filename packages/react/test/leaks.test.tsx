import "./support/dom.ts";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Channel } from "@carillon/client";
import { useEvent, useRealtimeChannel } from "@carillon/react";
import { eventually } from "@carillon/testkit";
import { render, waitFor } from "@testing-library/react";
import { Suspense, startTransition, use, useState } from "react";
import { expect, it } from "vitest";
import { Page } from "./support/page.tsx";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Mounts listeners on some channels, waits until they are subscribed, and takes them away. */
async function visit(page: Page, names: readonly string[]): Promise<WeakRef<Channel>[]> {
  const Ear = ({ name }: { readonly name: string }) => {
    useEvent(name, "posted", () => undefined);
    return null;
  };
  const { unmount } = render(
    <page.Provider>
      {names.map((name) => (
        <Ear key={name} name={name} />
      ))}
    </page.Provider>,
  );
  await waitFor(() => expect(page.gateway.gateway.subscriptions).toBe(names.length), { timeout: 10_000 });
  const channels = names.map((name) => new WeakRef(page.client.channel(name)));
  unmount();
  return channels;
}

it("of channels whose components have gone nothing is left", async () => {
  await using page = await Page.start();
  const names = Array.from({ length: 20 }, (_, index) => `channel-${index}`);
  const channels = await visit(page, names);
  await eventually(() => expect(page.gateway.gateway.subscriptions).toBe(0));
  // React keeps the last tree until another one takes its place.
  render(<p>elsewhere</p>);
  await eventually(() => {
    collectGarbage();
    expect(channels.filter((channel) => channel.deref() !== undefined)).toEqual([]);
  });
});

it("a render that React gives up subscribes to nothing", async () => {
  await using page = await Page.start();
  const never = new Promise<string>(() => undefined);
  const Slow = ({ name }: { readonly name: string }) => {
    const channel = useRealtimeChannel(name);
    return <p>{name === "never" ? use(never) : channel.name}</p>;
  };
  let go: (name: string) => void = () => undefined;
  const App = () => {
    const [name, setName] = useState("news");
    go = setName;
    return (
      <Suspense fallback={<p>waiting</p>}>
        <Slow name={name} />
      </Suspense>
    );
  };
  render(
    <page.Provider>
      <App />
    </page.Provider>,
  );
  await waitFor(() => expect(page.client.channel("news").state.status).toBe("subscribed"), { timeout: 10_000 });
  // A transition keeps what is shown while the next tree waits; that one is never committed.
  startTransition(() => go("never"));
  startTransition(() => go("other"));
  await waitFor(() => expect(page.client.channel("other").state.status).toBe("subscribed"), { timeout: 10_000 });
  await eventually(() => expect(page.gateway.gateway.subscriptions).toBe(1));
  expect(page.client.channel("never").state.status).toBe("detached");
});
