import { RealtimeClient, type TransportName } from "@carillon/client";
import { RealtimeProvider, useConnectionState, usePresence, useRealtimeChannel } from "@carillon/react";
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

/** What the page's server says, in a script before this one. */
declare const settings: {
  readonly host: string;
  readonly authEndpoint: string;
  readonly channel: string;
  readonly transports?: readonly TransportName[];
};

const client = new RealtimeClient("app-key", {
  host: settings.host,
  authEndpoint: settings.authEndpoint,
  ...(settings.transports === undefined ? {} : { transports: settings.transports }),
  maxReconnectDelayMs: 500,
  pongTimeoutMs: 500,
});

interface Order {
  readonly id: number;
}

/** The guide's component, but for the names of packages and hooks. */
function Orders() {
  const [orders, setOrders] = useState<readonly Order[]>([]);
  const [gaps, setGaps] = useState(0);
  const channel = useRealtimeChannel(settings.channel);
  const connection = useConnectionState();
  useEffect(() => {
    const add = (order: Order) => setOrders((before) => [...before, order]);
    channel.bind("order.created", add);
    const stop = channel.on("gap", () => setGaps((before) => before + 1));
    return () => {
      channel.unbind("order.created", add);
      stop();
    };
  }, [channel]);
  return (
    <>
      <p id="state">{`${connection.status} ${channel.state.status}`}</p>
      <p id="transport">{connection.status === "connected" ? connection.transport : "none"}</p>
      <p id="gaps">{gaps}</p>
      <p id="orders">{orders.map(({ id }) => id).join(",")}</p>
    </>
  );
}

function Room() {
  const { members } = usePresence("presence-room");
  return <p id="members">{members.map(({ id }) => id).join(",")}</p>;
}

/** Two routes of one page; the connection is the same. */
function App() {
  const [route, setRoute] = useState("orders");
  const other = route === "orders" ? "room" : "orders";
  return (
    <RealtimeProvider client={client}>
      <button type="button" onClick={() => setRoute(other)}>
        {other}
      </button>
      {route === "orders" ? <Orders /> : <Room />}
    </RealtimeProvider>
  );
}

createRoot(document.body.appendChild(document.createElement("main"))).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
