import { clearInterval, clearTimeout, setInterval, setTimeout } from "k6/timers";
import { EventStream } from "k6/x/event-stream";
import { backoffMs } from "./backoff.ts";
import type { Dialect } from "./dialect.ts";
import type { Link, LinkOwner } from "./link.ts";
import { GIVE_UP_MS, GONE, Upstream } from "./upstream.ts";

const ABNORMAL = 1006;
/** A gateway ends the stream of a client that sends nothing for two minutes (N71), or for as long as it is told to. */
const PING_MS = 40_000;
const PING = '{"type":"ping"}';

/** Begins a session whose frames come as an event stream. */
export function openEventStream(url: string, dialect: Dialect, owner: LinkOwner): Link {
  return new EventStreamLink(url, dialect, owner);
}

/** One session over plain HTTP (N66): frames come as an event stream, which may break and be taken up again; commands go by POST. */
class EventStreamLink implements Link {
  readonly #owner: LinkOwner;
  readonly #base: string;
  readonly #upstream: Upstream;
  #stream: EventStream;
  #session: string | null = null;
  #lastId = "";
  #isOver = false;
  /** Since when nothing carries it; null while something does. */
  #awaySinceMs: number | null = null;
  #failures = 0;
  #resuming: number | null = null;
  #pinging: number | null = null;

  constructor(url: string, dialect: Dialect, owner: LinkOwner) {
    this.#owner = owner;
    this.#base = url.replace(/^ws/, "http");
    this.#upstream = new Upstream({
      url: `${this.#base}/send`,
      onLost: () => this.#over(ABNORMAL, "commands got no answer"),
    });
    this.#stream = this.#fetch(dialect.path.slice(dialect.path.indexOf("?") + 1));
  }

  send(frame: string | ArrayBuffer): void {
    if (!this.#isOver) this.#upstream.send(String(frame));
  }

  interrupt(pauseMs: number): void {
    if (this.#isOver || this.#session === null || this.#awaySinceMs !== null) return;
    this.#stream.close();
    this.#awaySinceMs = Date.now();
    this.#resumeIn(pauseMs);
  }

  close(): void {
    if (this.#isOver) return;
    this.#release();
    this.#upstream.close();
  }

  #fetch(query: string): EventStream {
    return new EventStream(`${this.#base}/sse?${query}`, {
      event: (name, data, id, readAtMs) => {
        if (this.#isOver) return;
        this.#lastId = id;
        if (name === "message") this.#owner.framed(data, readAtMs);
        else if (name === "session") this.#began(JSON.parse(data) as SessionEvent);
        else if (name === "close") this.#closed(JSON.parse(data) as CloseEvent);
      },
      ended: (status) => this.#ended(status),
    });
  }

  #began({ session, resumed }: SessionEvent): void {
    if (this.#session === null) {
      this.#session = session;
      this.#upstream.begin(session);
      this.#pinging = setInterval(() => this.#upstream.send(PING), PING_MS);
      this.#owner.opened();
    } else if (resumed === true) {
      this.#awaySinceMs = null;
      this.#failures = 0;
      this.#owner.resumed();
    } else this.#over(ABNORMAL, "its session is gone");
  }

  #closed({ code }: CloseEvent): void {
    this.#over(code, `close code ${code}`);
  }

  #ended(status: number): void {
    if (this.#isOver) return;
    const isGivenUp = this.#awaySinceMs !== null && Date.now() - this.#awaySinceMs > GIVE_UP_MS;
    if (this.#session === null || status === GONE || isGivenUp) {
      this.#over(this.#session === null ? 0 : ABNORMAL, status === 0 ? "no answer" : `status ${status}`);
      return;
    }
    if (this.#awaySinceMs === null) {
      this.#awaySinceMs = Date.now();
      this.#owner.interrupted();
    }
    this.#resumeIn(backoffMs(this.#failures++));
  }

  #resumeIn(pauseMs: number): void {
    this.#resuming = setTimeout(() => {
      // The number of the last frame that is here; what stands behind it in an id is the session.
      this.#stream = this.#fetch(`session=${this.#session}&after=${Number.parseInt(this.#lastId, 10)}`);
    }, pauseMs);
  }

  #over(code: number, why: string): void {
    if (this.#isOver) return;
    this.#release();
    this.#upstream.stop();
    this.#owner.closed(code, why);
  }

  #release(): void {
    this.#isOver = true;
    if (this.#resuming !== null) clearTimeout(this.#resuming);
    if (this.#pinging !== null) clearInterval(this.#pinging);
    this.#stream.close();
  }
}

/** How a stream begins, and how a connection ends (N69). */
interface SessionEvent {
  readonly session: string;
  readonly resumed?: boolean;
}

interface CloseEvent {
  readonly code: number;
}
