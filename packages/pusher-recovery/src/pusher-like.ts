/** What the plugin uses of an emitter of events of pusher-js. */
export interface EmitterLike {
  bind(event: string, callback: (...args: never[]) => void): unknown;
  bind_global(callback: (...args: never[]) => void): unknown;
}

/** What the plugin uses of a channel of pusher-js. */
export interface ChannelLike {
  readonly subscribed: boolean;
  emit(event: string, data: unknown): unknown;
}

/** What the plugin uses of a connection of pusher-js, which lives over many links. */
export interface ConnectionLike extends EmitterLike {
  readonly socket_id: string;
  /** The link of the moment; null or undefined while there is none. */
  readonly connection: { readonly transport: EmitterLike } | null | undefined;
}

/** What the plugin uses of a `Pusher` of pusher-js; its builds for browsers, workers and Node all have it. */
export interface PusherLike {
  readonly connection: ConnectionLike;
  channel(name: string): ChannelLike | undefined;
  allChannels(): readonly ChannelLike[];
  send_event(event: string, data: unknown, channel?: string): boolean;
}

/** A frame of the server as pusher-js hands it on. */
export interface PusherEvent {
  readonly event: string;
  readonly channel?: string;
  readonly data?: unknown;
}
