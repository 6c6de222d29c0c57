"use client";
import { useEffect, useState } from "react";
import type { Order } from "@/lib/channels";
import { useConnectionState, useEvent, useRealtimeChannel } from "@/lib/hooks";

export function Orders({ userId }: { userId: string }) {
  const [orders, setOrders] = useState<Order[]>([]);
  const [isIncomplete, setIncomplete] = useState(false);
  const connection = useConnectionState();
  // Begins with the newest orders that are kept, and goes on with what comes.
  const channel = useRealtimeChannel(`private-user-${userId}`, { rewind: 20 });

  useEvent(`private-user-${userId}`, "order.created", (order) => {
    setOrders((before) => (before.some(({ id }) => id === order.id) ? before : [order, ...before]));
  });
  useEffect(() => channel.on("gap", () => setIncomplete(true)), [channel]);

  // Why there is no connection, or why the channel was refused: a wrong secret shows here.
  const trouble = "reason" in connection ? connection.reason : "error" in channel.state ? channel.state.error : null;

  return (
    <main>
      <p id="state">{`${connection.status}, ${channel.state.status}`}</p>
      {trouble && <p id="trouble">{trouble.message}</p>}
      {isIncomplete && (
        <p role="alert">
          Orders may be missing. <a href="/">Load them again</a>
        </p>
      )}
      <button type="button" onClick={() => order("/api/orders", "tea")}>
        Order tea (Node)
      </button>{" "}
      <button type="button" onClick={() => order("/api/orders/edge", "cake")}>
        Order cake (Edge)
      </button>
      <ul id="orders">
        {orders.map(({ id, item }) => (
          <li key={id}>{item}</li>
        ))}
      </ul>
    </main>
  );
}

/** The list isn't touched here: the order comes back over the channel, in every tab. */
async function order(url: string, item: string) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ item }),
  });
  if (!response.ok) alert(`The order was not taken: ${response.status}`);
}
