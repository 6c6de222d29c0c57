import type { NatsLog } from "../../src/index.ts";

/** Keeps what was logged, for tests of what operators are told. */
export class RecordingLog implements NatsLog {
  readonly entries: { readonly level: string; readonly event: string; readonly fields: unknown }[] = [];

  info(event: string, fields?: unknown): void {
    this.entries.push({ level: "info", event, fields });
  }

  warn(event: string, fields?: unknown): void {
    this.entries.push({ level: "warn", event, fields });
  }

  error(event: string, fields?: unknown): void {
    this.entries.push({ level: "error", event, fields });
  }

  count(event: string): number {
    return this.entries.filter((entry) => entry.event === event).length;
  }
}
