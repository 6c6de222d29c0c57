import type { ScenarioName } from "./phases.ts";
import type { LoadSettings } from "./settings.ts";

/** Scenarios that recover, or that read a history. */
const USE_HISTORY: ReadonlySet<ScenarioName> = new Set(["rolling-update", "mixed", "sse"]);

/** Names of the channels of a run. */
export class Channels {
  /** What all clients are subscribed to. */
  readonly shared: string;
  /** What the conductor listens to. */
  readonly conductor: string;
  readonly #run: string;

  constructor({ run, hasHistory, scenario }: Pick<LoadSettings, "run" | "hasHistory" | "scenario">) {
    this.#run = run;
    const keeps = hasHistory && USE_HISTORY.has(scenario);
    this.shared = keeps ? `load-kept-${run}-shared` : `load-${run}-shared`;
    this.conductor = `load-${run}-conductor`;
  }

  /** The channel of client `index` alone. */
  own(index: number): string {
    return `load-${this.#run}-${index}`;
  }

  /** Where the members of a room send each other events. */
  room(room: number): string {
    return `private-load-${this.#run}-${room}`;
  }

  /** Where the members of a room see each other. */
  presence(room: number): string {
    return `presence-load-${this.#run}-${room}`;
  }
}
