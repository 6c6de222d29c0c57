/** Where this package tells what operators should know. Event names plus fields, never payloads or secrets. */
export interface NatsLog {
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  error(event: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A log that nobody reads. */
export const SILENT_LOG: NatsLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
