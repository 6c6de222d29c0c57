import { RealtimeProvider, useEvent, useRealtimeChannel } from "@carillon/react";
import { useEffect } from "react";
import { client } from "./hot-client.ts";

export { client };

/** What the version of this module that is shown heard. */
export interface Heard {
  readonly by: string;
  readonly id: number;
}

interface Props {
  readonly version: number;
  readonly onHeard: (what: Heard) => void;
}

/** Listens in both ways. */
function Orders({ version, onHeard }: Props) {
  const channel = useRealtimeChannel("orders");
  useEffect(() => {
    const add = ({ id }: Heard) => onHeard({ by: `${version} bind`, id });
    channel.bind("order.created", add);
    return () => void channel.unbind("order.created", add);
  }, [channel, version, onHeard]);
  useEvent("orders", "order.created", ({ id }: Heard) => onHeard({ by: `${version} useEvent`, id }));
  return <p id="state">{`${version} ${channel.state.status}`}</p>;
}

export const View = (props: Props) => (
  <RealtimeProvider client={client}>
    <Orders {...props} />
  </RealtimeProvider>
);
