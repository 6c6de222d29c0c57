/** An event of a stream. */
export interface StreamEvent {
  /** `message` where the stream names none. */
  readonly type: string;
  readonly data: string;
  /** Of the event, or the last one before it that had one. */
  readonly id: string;
}

/** Reads the text of an event stream (WHATWG HTML §9.2.6), as far as gateways write it: lines end in LF. */
export class EventStreamReader {
  #rest = "";
  #type = "message";
  #data: string[] = [];
  #id = "";

  /** The events that `text` completes. */
  push(text: string): StreamEvent[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): StreamEvent[] {
    if (line === "") {
      const event = { type: this.#type, data: this.#data.join("\n"), id: this.#id };
      const isEmpty = this.#data.length === 0;
      this.#type = "message";
      this.#data = [];
      return isEmpty ? [] : [event];
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === "event") this.#type = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.#id = value;
    return [];
  }
}
