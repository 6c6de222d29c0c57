import type { ConnectionState } from "./state.ts";

/** What has states. */
interface Stateful {
  readonly state: ConnectionState;
  on(name: "state", listener: (state: ConnectionState) => void): () => void;
}

/** The state now and those after it, up to `closed`. While nobody asks, a newer state takes the place of an older one. */
export async function* statesOf(client: Stateful): AsyncGenerator<ConnectionState, void, undefined> {
  let newest: ConnectionState | null = client.state;
  let wake: () => void = () => undefined;
  const stop = client.on("state", (state) => {
    newest = state;
    wake();
  });
  try {
    for (;;) {
      if (newest === null) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const state: ConnectionState = newest;
      newest = null;
      yield state;
      if (state.status === "closed") return;
    }
  } finally {
    stop();
  }
}
