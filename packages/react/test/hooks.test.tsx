import "./support/dom.ts";
import {
  RealtimeProvider,
  useConnectionState,
  useEvent,
  useHistory,
  usePresence,
  useRealtimeChannel,
} from "@carillon/react";
import { eventually, NativeClient } from "@carillon/testkit";
import { historyRules } from "@carillon/testkit/gateway";
import { act, render, screen, waitFor } from "@testing-library/react";
import { Component, type ReactNode, StrictMode, useEffect, useState } from "react";
import { describe, expect, it } from "vitest";
import { Page } from "./support/page.tsx";

/** Waits, with what comes meanwhile rendered. */
async function shows(assertion: () => void): Promise<void> {
  await waitFor(assertion, { timeout: 10_000, interval: 10 });
}

const text = (name: string) => screen.getByTestId(name).textContent;

/** The guide's component, but for the names of package and hook. */
function Orders({ userId }: { readonly userId: number }) {
  const [orders, setOrders] = useState<number[]>([]);
  const channel = useRealtimeChannel(`private-user-${userId}`);
  useEffect(() => {
    const add = (order: { readonly id: number }) => setOrders((before) => [...before, order.id]);
    channel.bind("order.created", add);
    return () => void channel.unbind("order.created", add);
  }, [channel]);
  return (
    <>
      <span data-testid="state">{channel.state.status}</span>
      <span data-testid="orders">{orders.join()}</span>
    </>
  );
}

describe("useRealtimeChannel", () => {
  it("the guide's component shows an order, once, in StrictMode too", async () => {
    await using page = await Page.start();
    render(
      <StrictMode>
        <page.Provider>
          <Orders userId={1} />
        </page.Provider>
      </StrictMode>,
    );
    await shows(() => expect(text("state")).toBe("subscribed"));
    await page.gateway.publish("private-user-1", "order.created", { id: 7 });
    await shows(() => expect(text("orders")).toBe("7"));
    expect(page.gateway.gateway.subscriptions).toBe(1);
  });

  it("a component that goes leaves nothing behind; another channel takes the place of the one before", async () => {
    await using page = await Page.start();
    const { rerender, unmount } = render(
      <page.Provider>
        <Orders userId={1} />
      </page.Provider>,
    );
    await shows(() => expect(text("state")).toBe("subscribed"));
    rerender(
      <page.Provider>
        <Orders userId={2} />
      </page.Provider>,
    );
    await shows(() => expect(text("state")).toBe("subscribed"));
    await shows(() => expect(page.gateway.gateway.subscriptions).toBe(1));
    await page.gateway.publish("private-user-1", "order.created", { id: 1 });
    await page.gateway.publish("private-user-2", "order.created", { id: 2 });
    await shows(() => expect(text("orders")).toBe("2"));
    unmount();
    await eventually(() => expect(page.gateway.gateway.subscriptions).toBe(0));
    // The connection stays, for the next page of the application.
    expect(page.client.state.status).toBe("connected");
  });

  it("several components on one channel share its subscription, and each hears its events", async () => {
    await using page = await Page.start();
    const heard: string[] = [];
    const Ear = ({ name }: { readonly name: string }) => {
      useEvent("news", "posted", (payload: number) => heard.push(`${name}${payload}`));
      return null;
    };
    const tree = (names: readonly string[]) => (
      <page.Provider>
        {names.map((name) => (
          <Ear key={name} name={name} />
        ))}
      </page.Provider>
    );
    const { rerender } = render(tree(["a", "b"]));
    await shows(() => expect(page.client.channel("news").state.status).toBe("subscribed"));
    expect(page.gateway.gateway.subscriptions).toBe(1);
    rerender(tree(["b"]));
    await page.gateway.publish("news", "posted", 1);
    await shows(() => expect(heard).toEqual(["b1"]));
    expect(page.gateway.gateway.subscriptions).toBe(1);
  });

  it("10,000 mounts and unmounts leave no subscription and few frames", async () => {
    await using page = await Page.start();
    const Ear = () => {
      useEvent("news", "posted", () => undefined);
      return null;
    };
    const { rerender } = render(<page.Provider>{null}</page.Provider>);
    for (let round = 0; round < 10_000; round++) {
      rerender(<page.Provider>{round % 2 === 0 ? <Ear /> : null}</page.Provider>);
    }
    await shows(() => expect(page.client.state.status).toBe("connected"));
    await eventually(() => expect(page.gateway.gateway.subscriptions).toBe(0));
    expect(page.client.channel("news").state.status).toBe("detached");
    expect(page.gateway.counters.framesIn).toBeLessThan(100);
  });

  it("a component that another version takes the place of, as in development, goes on with the same subscription", async () => {
    await using page = await Page.start();
    const heard: string[] = [];
    const version = (name: string) =>
      function Ear() {
        useEvent("news", "posted", (payload: number) => heard.push(`${name}${payload}`));
        return null;
      };
    const tree = (Ear: () => null) => (
      <page.Provider>
        <Ear />
      </page.Provider>
    );
    const { rerender } = render(tree(version("a")));
    await shows(() => expect(page.client.channel("news").state.status).toBe("subscribed"));
    const before = page.gateway.counters.framesIn;
    for (const name of ["b", "c", "d"]) rerender(tree(version(name)));
    await page.gateway.publish("news", "posted", 1);
    await shows(() => expect(heard).toEqual(["d1"]));
    expect(page.gateway.gateway.subscriptions).toBe(1);
    // Given up and wanted again within one turn: at most one unsubscribe and subscribe each.
    expect(page.gateway.counters.framesIn - before).toBeLessThanOrEqual(6);
  });

  it("isEnabled: false knows the channel and doesn't listen", async () => {
    await using page = await Page.start();
    const Maybe = ({ isOn }: { readonly isOn: boolean }) => (
      <span data-testid="state">{useRealtimeChannel("news", { isEnabled: isOn }).state.status}</span>
    );
    const tree = (isOn: boolean) => (
      <page.Provider>
        <Maybe isOn={isOn} />
      </page.Provider>
    );
    const { rerender } = render(tree(false));
    expect(text("state")).toBe("detached");
    rerender(tree(true));
    await shows(() => expect(text("state")).toBe("subscribed"));
  });
});

describe("useEvent", () => {
  it("calls the listener of the newest render, without subscribing again", async () => {
    await using page = await Page.start();
    const heard: number[] = [];
    const Ear = ({ factor }: { readonly factor: number }) => {
      useEvent("news", "posted", (payload: number) => heard.push(payload * factor));
      return null;
    };
    const tree = (factor: number) => (
      <page.Provider>
        <Ear factor={factor} />
      </page.Provider>
    );
    const { rerender } = render(tree(1));
    await shows(() => expect(page.client.channel("news").state.status).toBe("subscribed"));
    const before = page.gateway.counters.framesIn;
    for (let factor = 2; factor <= 10; factor++) rerender(tree(factor));
    await page.gateway.publish("news", "posted", 3);
    await shows(() => expect(heard).toEqual([30]));
    expect(page.gateway.counters.framesIn).toBe(before);
  });
});

describe("isEnabled: false, on a channel that another component listens to", () => {
  it("useEvent doesn't call the listener, until it is enabled", async () => {
    await using page = await Page.start();
    const heard: string[] = [];
    const Ear = ({ name, isOn }: { readonly name: string; readonly isOn: boolean }) => {
      useEvent("news", "posted", (payload: number) => heard.push(`${name}${payload}`), { isEnabled: isOn });
      return null;
    };
    const tree = (isOn: boolean) => (
      <page.Provider>
        <Ear name="off" isOn={isOn} />
        <Ear name="on" isOn={true} />
      </page.Provider>
    );
    const { rerender } = render(tree(false));
    await shows(() => expect(page.client.channel("news").state.status).toBe("subscribed"));
    await page.gateway.publish("news", "posted", 1);
    await shows(() => expect(heard).toEqual(["on1"]));
    rerender(tree(true));
    await page.gateway.publish("news", "posted", 2);
    await shows(() => expect(heard.toSorted()).toEqual(["off2", "on1", "on2"]));
  });

  it("usePresence shows nobody, until it is enabled", async () => {
    await using page = await Page.start();
    const Avatars = ({ name, isOn }: { readonly name: string; readonly isOn: boolean }) => (
      <span data-testid={name}>{usePresence("presence-room", { isEnabled: isOn }).count}</span>
    );
    const tree = (isOn: boolean) => (
      <page.Provider>
        <Avatars name="off" isOn={isOn} />
        <Avatars name="on" isOn={true} />
      </page.Provider>
    );
    const { rerender } = render(tree(false));
    await shows(() => expect(text("on")).toBe("1"));
    expect(text("off")).toBe("0");
    rerender(tree(true));
    expect(text("off")).toBe("1");
  });
});

describe("useConnectionState", () => {
  it("follows the connection, and what it doesn't concern isn't rendered", async () => {
    await using page = await Page.start();
    let renders = 0;
    const State = () => {
      renders++;
      return <span data-testid="connection">{useConnectionState().status}</span>;
    };
    render(
      <page.Provider>
        <State />
        <Orders userId={1} />
      </page.Provider>,
    );
    await shows(() => expect(text("connection")).toBe("connected"));
    await shows(() => expect(text("state")).toBe("subscribed"));
    const before = renders;
    for (let id = 0; id < 20; id++) await page.gateway.publish("private-user-1", "order.created", { id });
    await shows(() => expect(text("orders")).toMatch(/19$/));
    expect(renders).toBe(before);
    page.link.cut();
    await shows(() => expect(text("connection")).not.toBe("connected"));
    page.link.heal();
    await shows(() => expect(text("connection")).toBe("connected"));
  });

  it("hooks outside of a provider say what is missing", () => {
    const State = () => <span>{useConnectionState().status}</span>;
    class Boundary extends Component<{ readonly children: ReactNode }, { readonly message: string }> {
      override state = { message: "" };
      static getDerivedStateFromError({ message }: Error) {
        return { message };
      }
      override render() {
        return this.state.message === "" ? this.props.children : <span data-testid="error">{this.state.message}</span>;
      }
    }
    render(
      <Boundary>
        <State />
      </Boundary>,
    );
    expect(text("error")).toContain("<RealtimeProvider client={…}>");
  });
});

describe("usePresence", () => {
  it("shows who is there; a break keeps them, and says so", async () => {
    await using page = await Page.start({ settings: { presenceGraceMs: 50 } });
    const Avatars = () => {
      const { members, me, count, isCurrent } = usePresence<{ name?: string }>("presence-room");
      return (
        <>
          <span data-testid="members">{members.map(({ id }) => id).join()}</span>
          <span data-testid="me">{`${me?.info?.name} of ${count}, ${isCurrent}`}</span>
        </>
      );
    };
    render(
      <page.Provider>
        <Avatars />
      </page.Provider>,
    );
    await shows(() => expect(text("me")).toBe("Ann of 1, true"));
    const bob = await NativeClient.open(page.gateway.webSocketUrl);
    const data = JSON.stringify({ user_id: "bob" });
    const token = page.gateway.channelToken(String(bob.frames[0]?.["connectionId"]), "presence-room", data);
    await bob.subscribe("presence-room", { token, data });
    await shows(() => expect(text("members")).toBe("ann,bob"));
    page.link.cut();
    await shows(() => expect(text("me")).toBe("Ann of 2, false"));
    page.link.heal();
    await shows(() => expect(text("me")).toBe("Ann of 2, true"));
    bob.terminate();
    await shows(() => expect(text("members")).toBe("ann"));
  });
});

describe("useHistory", () => {
  it("reads what was there, goes on, and reads again after a gap", async () => {
    await using page = await Page.start({ rules: historyRules("kept", { messages: 5 }) });
    for (let number = 1; number <= 4; number++) await page.gateway.publish("kept", "tick", number);
    let loadMore: () => void = () => undefined;
    const Past = () => {
      const { events, isLoading, error, hasMore, loadMore: more } = useHistory<number>("kept", { limit: 3 });
      loadMore = more;
      return (
        <span data-testid="past">{`${events.map(({ payload }) => payload)} ${isLoading} ${hasMore} ${error?.code}`}</span>
      );
    };
    render(
      <page.Provider>
        <Past />
      </page.Provider>,
    );
    await shows(() => expect(text("past")).toBe("1,2,3 false true undefined"));
    act(() => loadMore());
    await shows(() => expect(text("past")).toBe("1,2,3,4 false false undefined"));
    page.link.cut();
    await eventually(() => expect(page.client.state.status).toBe("waiting"));
    for (let number = 5; number <= 20; number++) await page.gateway.publish("kept", "tick", number);
    page.link.heal();
    await shows(() => expect(text("past")).toBe("16,17,18 false true undefined"));
  });

  it("says why it can't be read", async () => {
    await using page = await Page.start({ rules: historyRules("kept") });
    const Past = () => <span data-testid="past">{`${useHistory("unkept").error?.code}`}</span>;
    render(
      <page.Provider>
        <Past />
      </page.Provider>,
    );
    await shows(() => expect(text("past")).toBe("not_found"));
  });

  /** What a component shows of a history that it waits for. */
  function Outcome({ name }: { readonly name: string }) {
    const { events, isLoading, error } = useHistory(name);
    return <span data-testid="past">{`${events.length} ${isLoading} ${error?.code}`}</span>;
  }

  it("shows nothing of another channel: neither while that of the new name is read, nor where it is refused", async () => {
    await using page = await Page.start({ rules: historyRules("kept") });
    await page.gateway.publish("kept-a", "tick", 1);
    const shown: string[] = [];
    const Past = ({ name }: { readonly name: string }) => {
      const { events, isLoading, error } = useHistory<number>(name);
      const said = `${events.map(({ payload }) => payload)} ${isLoading} ${error?.code}`;
      shown.push(`${name}: ${said}`);
      return <span data-testid="past">{said}</span>;
    };
    const tree = (name: string) => (
      <page.Provider>
        <Past name={name} />
      </page.Provider>
    );
    const { rerender } = render(tree("kept-a"));
    await shows(() => expect(text("past")).toBe("1 false undefined"));
    rerender(tree("kept-b"));
    await shows(() => expect(text("past")).toBe(" false undefined"));
    rerender(tree("kept-a"));
    await shows(() => expect(text("past")).toBe("1 false undefined"));
    rerender(tree("private-refused"));
    await shows(() => expect(text("past")).toBe(" false forbidden"));
    expect(shown.filter((each) => /^(?!kept-a: ).*: 1/.test(each))).toEqual([]);
  });

  it("on a channel that is refused it ends with the refusal, and loads no more", async () => {
    await using page = await Page.start({ rules: historyRules("kept") });
    render(
      <page.Provider>
        <Outcome name="private-refused" />
      </page.Provider>,
    );
    await shows(() => expect(text("past")).toBe("0 false forbidden"));
    expect(page.client.channel("private-refused").state.status).toBe("failed");
  });

  it("ends when the client is closed, keeps what was read, and goes on when it connects again", async () => {
    await using page = await Page.start({ rules: historyRules("kept") });
    await page.gateway.publish("kept", "tick", 1);
    render(
      <page.Provider>
        <Outcome name="kept" />
      </page.Provider>,
    );
    await shows(() => expect(text("past")).toBe("1 false undefined"));
    act(() => page.client.close());
    expect(text("past")).toBe("1 false closed");
    act(() => page.client.connect());
    await shows(() => expect(text("past")).toBe("1 false undefined"));
  });

  it("a client that is closed before it was ever connected is nothing to wait for", async () => {
    await using page = await Page.start({ rules: historyRules("kept") });
    page.client.close();
    render(
      <page.Provider>
        <Outcome name="kept" />
      </page.Provider>,
    );
    expect(text("past")).toBe("0 false closed");
  });
});

it("one provider within another: the nearest counts", async () => {
  await using outer = await Page.start();
  await using inner = await Page.start();
  render(
    <RealtimeProvider client={outer.client}>
      <RealtimeProvider client={inner.client}>
        <Orders userId={1} />
      </RealtimeProvider>
    </RealtimeProvider>,
  );
  await shows(() => expect(text("state")).toBe("subscribed"));
  expect([outer.gateway.gateway.subscriptions, inner.gateway.gateway.subscriptions]).toEqual([0, 1]);
});
