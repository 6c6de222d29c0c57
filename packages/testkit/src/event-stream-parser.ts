/** One event of a `text/event-stream`. */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
  /** The last id that was told, by this event or by one before it. */
  readonly lastEventId: string;
}

/** Reads `text/event-stream` as browsers do. */
export class EventStreamParser {
  #rest = "";
  #type = "";
  #data: string[] = [];
  #lastEventId: string;
  /** Comments that came. */
  comments = 0;

  /** `lastEventId`: from the stream before, if there was one. */
  constructor(lastEventId = "") {
    this.#lastEventId = lastEventId;
  }

  /** Takes a piece of text, and gives the events that are complete with it. */
  push(text: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") this.#dispatch(events);
      else this.#field(line);
    }
    return events;
  }

  #field(line: string): void {
    const colon = line.indexOf(":");
    if (colon === 0) {
      this.comments++;
      return;
    }
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#type = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id") this.#lastEventId = value;
  }

  #dispatch(events: StreamEvent[]): void {
    if (this.#data.length > 0) {
      events.push({ type: this.#type || "message", data: this.#data.join("\n"), lastEventId: this.#lastEventId });
    }
    this.#type = "";
    this.#data = [];
  }
}
