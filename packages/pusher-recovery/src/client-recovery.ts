import type { ChannelLike, PusherEvent, PusherLike } from "./pusher-like.ts";
import { failureOf, type Place, type RecoveryFailure, type RecoveryReason } from "./recovery-failure.ts";

/** What a channel emits when events may have been missed on it, with `{reason}`. */
export const RECOVERY_FAILED = "carillon:recovery_failed";

// Always the last member of a frame, and nothing that an application sends can look like it.
const POSITION = /,"position":"([\w:-]+)"\}$/;
const LONGEST_POSITION = 90;

/** What is added to one client of pusher-js: it asks for positions, keeps them, and gives them back. */
export class ClientRecovery {
  readonly #pusher: PusherLike;
  readonly #onFailure: (failure: RecoveryFailure) => void;
  readonly #send: PusherLike["send_event"];
  // By channel object: one that is unsubscribed and subscribed again is another one, and begins anew.
  readonly #places = new WeakMap<object, Place>();
  #isActive = false;
  #link: object | null = null;
  /** The frame that is being handed on, as it came: pusher-js hands on only what it knows of one. */
  #text = "";
  #failed: RecoveryReason | undefined;

  constructor(pusher: PusherLike, onFailure: (failure: RecoveryFailure) => void) {
    this.#pusher = pusher;
    this.#onFailure = onFailure;
    this.#send = pusher.send_event.bind(pusher);
    for (const channel of pusher.allChannels()) if (channel.subscribed) this.#places.set(channel, this.#placeAt());
    pusher.send_event = (event, data, channel) => this.#sendOn(event, data, channel);
    // Before the handlers of the application: one that throws has had its event all the same.
    pusher.connection.bind_global((name: string, frame: PusherEvent) => {
      if (name === "message") this.#read(frame);
    });
    // And after them: the subscription has succeeded first.
    pusher.connection.bind("message", (frame: PusherEvent) => this.#tell(frame));
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  #sendOn(event: string, data: unknown, channelName?: string): boolean {
    this.#ask();
    if (event !== "pusher:subscribe") return this.#send(event, data, channelName);
    const channel = this.#channelOf(data as { readonly channel: string });
    const place = channel && this.#places.get(channel);
    if (!place?.position) return this.#send(event, data, channelName);
    const recover = { position: place.position, socket_id: place.socketId };
    return this.#send(event, { ...(data as object), recover }, channelName);
  }

  /** Asks each link, before anything else is sent on it. */
  #ask(): void {
    const link = this.#pusher.connection.connection;
    if (!link || link === this.#link) return;
    this.#link = link;
    this.#isActive = false;
    // Whoever listens to everything hears it before those who listen to messages, as pusher-js does.
    link.transport.bind_global((name: string, message: { readonly data: unknown }) => {
      if (name === "message") this.#text = String(message.data);
    });
    this.#send("pusher:ping", { recovery: 1 });
  }

  #read(frame: PusherEvent): void {
    const { event, data } = frame;
    this.#failed = undefined;
    if (event === "pusher:pong" && (data as { recovery?: unknown } | undefined)?.recovery === 1) this.#isActive = true;
    const channel = this.#channelOf(frame);
    if (!channel) return;
    const place = this.#placeAt(POSITION.exec(this.#text.slice(-LONGEST_POSITION))?.[1]);
    const isAnswer = event === "pusher_internal:subscription_succeeded";
    if (isAnswer) this.#failed = failureOf(this.#places.get(channel), place, this.#text);
    else if (event === "pusher_internal:events_lost") this.#failed = "lost";
    if (isAnswer || (place.isActive && (place.position || this.#failed))) this.#places.set(channel, place);
  }

  #tell(frame: PusherEvent): void {
    const channel = this.#channelOf(frame);
    const reason = this.#failed;
    if (!channel || !reason) return;
    channel.emit(RECOVERY_FAILED, { reason });
    this.#onFailure({ channel: frame.channel as string, reason });
  }

  #placeAt(position?: string): Place {
    return { position, socketId: this.#pusher.connection.socket_id, isActive: this.#isActive };
  }

  #channelOf({ channel }: { readonly channel?: string }): ChannelLike | undefined {
    return channel === undefined ? undefined : this.#pusher.channel(channel);
  }
}
