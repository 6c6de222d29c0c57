/** The extension in loadtest/k6-event-stream. */
declare module "k6/x/event-stream" {
  /** What is told of a stream, in this order, and nothing after `close`. */
  export interface EventStreamHandlers {
    /** It was answered with status 200. */
    opened?(): void;
    /** `name` is `message` where none was given, `id` the last one that was; `readAtMs` is when it was read from the connection. */
    event?(name: string, data: string, id: string, readAtMs: number): void;
    /** It is over, or never came to be. `status`: of the answer; 0 when there was none. */
    ended?(status: number, reason: string): void;
  }

  /** One answer of `text/event-stream`, read while it comes. It doesn't come back by itself. */
  export class EventStream {
    constructor(url: string, handlers: EventStreamHandlers);
    close(): void;
  }
}
