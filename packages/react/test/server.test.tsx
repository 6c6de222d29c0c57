import { RealtimeClient } from "@carillon/client";
import {
  RealtimeProvider,
  realtimeHooks,
  useConnectionState,
  useHistory,
  usePresence,
  useRealtimeChannel,
} from "@carillon/react";
import { renderToString } from "react-dom/server";
import { expect, expectTypeOf, it } from "vitest";

it("on a server everything is at its beginning, and nothing is connected", () => {
  const client = new RealtimeClient("app-key", { host: "ws://127.0.0.1:1" });
  const App = () => {
    const { status } = useConnectionState();
    const { count } = usePresence("presence-room");
    const { events } = useHistory("kept");
    const { state } = useRealtimeChannel("news");
    return <p>{[status, count, events.length, state.status].join(" ")}</p>;
  };
  const html = renderToString(
    <RealtimeProvider client={client}>
      <App />
    </RealtimeProvider>,
  );
  expect(html).toBe("<p>idle 0 0 detached</p>");
  expect(client.state.status).toBe("idle");
});

interface Channels {
  orders: { "order.created": { readonly id: number }; "order.gone": { readonly reason: string } };
}

it("hooks of declared channels infer names, events and payloads", () => {
  const { useEvent, useHistory: useTypedHistory, useRealtimeChannel: useChannel } = realtimeHooks<Channels>();
  /** Never rendered: only its types are looked at. */
  const Typed = () => {
    useEvent("orders", "order.created", (order) => expectTypeOf(order).toEqualTypeOf<{ readonly id: number }>());
    useChannel("orders").bind("order.created", (order) => expectTypeOf(order.id).toBeNumber());
    const { events } = useTypedHistory("orders");
    for (const past of events) {
      if (past.event === "order.created") expectTypeOf(past.payload).toEqualTypeOf<{ readonly id: number }>();
      else expectTypeOf(past.payload.reason).toBeString();
      expectTypeOf(past.position).toBeString();
    }
    // @ts-expect-error: no such channel
    useTypedHistory("order");
    // @ts-expect-error: no such event
    useEvent("orders", "order.crated", () => undefined);
    // @ts-expect-error: no such channel
    useChannel("order");
    return null;
  };
  expect(Typed).toBeTypeOf("function");
});
