import {
  type DestinationStream,
  destination,
  type Level,
  type LoggerOptions,
  type Logger as PinoLogger,
  pino,
} from "pino";
import { build as buildPretty } from "pino-pretty";

/** How much is logged, from most to least; `silent` logs nothing. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

/** What an event was about: numbers, codes, addresses, errors under `error`. Never payloads, tokens or secrets. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The process's log. One line for each event, by the boundary that decides on it; nothing per message above `debug`. */
export interface Logger {
  /** For a developer who looks for a fault; may be written for each message. */
  debug(event: string, fields?: LogFields): void;
  /** Something normal that an operator wants to know of: `ready`, `drain_started`. */
  info(event: string, fields?: LogFields): void;
  /** Something that went wrong and that Carillon deals with. */
  warn(event: string, fields?: LogFields): void;
  /** Something that needs a person, or a bug. */
  error(event: string, fields?: LogFields): void;
  /** A log whose lines all carry these fields as well. */
  child(fields: LogFields): Logger;
}

/** How to make a log. */
export interface LoggerSettings {
  /** `json`: one object a line. `pretty`: coloured lines for people. Both go to the standard output. */
  readonly format: "json" | "pretty";
  readonly level: LogLevel;
  /** Which of Carillon's processes writes: `dev`, `gateway`, `publisher`. Stands on each line. */
  readonly role: string;
  /** Where lines go instead of the standard output. */
  readonly destination?: DestinationStream;
}

/**
 * Field names whose values never reach a line, at the top of the fields or one level below them. They are a net under the
 * rule that nobody logs such values in the first place.
 */
const SECRET_FIELDS = [
  "secret",
  "secrets",
  "publishSecret",
  "password",
  "token",
  "authorization",
  "cookie",
  "credentials",
  "payload",
  '["x-publish-secret"]',
];

const CENSORED = "[redacted]";

/**
 * Makes the process's log. Each line has `level` (a word), `time` (ISO 8601), `role`, `event` and the event's fields; an
 * `error` field that holds an Error is written with its type, message, code and stack.
 *
 * @example
 * const log = createLogger({ format: "json", level: "info", role: "gateway" });
 * log.info("ready", { address: "http://127.0.0.1:8080" });
 */
export function createLogger(settings: LoggerSettings): Logger {
  const options: LoggerOptions = {
    level: settings.level,
    messageKey: "event",
    base: { role: settings.role },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, nested(name)]), censor: CENSORED },
  };
  return new EventLogger(pino(options, settings.destination ?? standardOutput(settings.format)));
}

/** A log that writes nothing, for embedding and for tests. */
export function createSilentLogger(): Logger {
  return new EventLogger(pino({ level: "silent" }));
}

function nested(name: string): string {
  return name.startsWith("[") ? `*${name}` : `*.${name}`;
}

/** Synchronous on purpose: the last lines before an exit are the ones that matter, and nothing is logged per message. */
function standardOutput(format: "json" | "pretty"): DestinationStream {
  const stream = destination({ fd: 1, sync: true });
  if (format === "json") return stream;
  return buildPretty({
    destination: stream,
    ignore: "role",
    translateTime: "SYS:HH:MM:ss.l",
    singleLine: true,
  });
}

class EventLogger implements Logger {
  readonly #pino: PinoLogger;

  constructor(pinoLogger: PinoLogger) {
    this.#pino = pinoLogger;
  }

  debug(event: string, fields?: LogFields): void {
    this.#write("debug", event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#write("info", event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#write("warn", event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#write("error", event, fields);
  }

  child(fields: LogFields): Logger {
    return new EventLogger(this.#pino.child(fields));
  }

  #write(level: Level, event: string, fields: LogFields | undefined): void {
    // pino writes it last, and JSON readers keep the last of two equal names: a field can't hide it.
    this.#pino[level](fields ?? {}, event);
  }
}
