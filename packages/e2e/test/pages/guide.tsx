import { RealtimeClient } from "@carillon/client";
import { RealtimeProvider, useRealtimeChannel } from "@carillon/react";
import { StrictMode, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

/** What the page's server says, in a script before this one. */
declare const settings: { readonly host: string; readonly authEndpoint: string };

// From here on it is the guide's code, but for the names of packages and classes. Nothing is to be added to make it work.
const key = "app-key";
const { host, authEndpoint } = settings;
const client = new RealtimeClient(key, { host, authEndpoint });

interface Order {
  readonly id: number;
}

function SubscribedOrders() {
  const [orders, setOrders] = useState<readonly Order[]>([]);
  useEffect(() => {
    const channel = client.subscribe("private-user-1");
    channel.bind("order.created", (order: Order) => setOrders((before) => [...before, order]));
    return () => client.unsubscribe("private-user-1");
  }, []);
  return <p id="orders">{orders.map(({ id }) => id).join(",")}</p>;
}

function ChannelOrders() {
  const [orders, setOrders] = useState<readonly Order[]>([]);
  const channel = useRealtimeChannel("private-user-1");
  useEffect(() => {
    const add = (order: Order) => setOrders((before) => [...before, order]);
    channel.bind("order.created", add);
    return () => void channel.unbind("order.created", add);
  }, [channel]);
  return (
    <>
      <p id="state">{channel.state.status}</p>
      <p id="orders">{orders.map(({ id }) => id).join(",")}</p>
    </>
  );
}

function App() {
  const [way, setWay] = useState("subscribe");
  const other = way === "subscribe" ? "hook" : "subscribe";
  return (
    <RealtimeProvider client={client}>
      <button type="button" onClick={() => setWay(other)}>
        {other}
      </button>
      {way === "subscribe" ? <SubscribedOrders /> : <ChannelOrders />}
    </RealtimeProvider>
  );
}

createRoot(document.body.appendChild(document.createElement("main"))).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
