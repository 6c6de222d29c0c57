export interface Order {
  id: string;
  item: string;
}

/** What is published where. Triggers, listeners and hooks are checked against it. */
export interface Channels {
  [user: `private-user-${string}`]: { "order.created": Order };
  "presence-shop": Record<never, never>;
}
