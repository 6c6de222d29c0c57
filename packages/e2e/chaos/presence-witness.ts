import type { Changed, Entered } from "./run-record.ts";

/** Goes through what one guest was told of who is there: nobody comes who is there, nobody leaves who isn't. */
export class PresenceWitness {
  readonly violations: string[] = [];
  readonly #name: string;
  #view = new Set<string>();

  constructor(name: string) {
    this.#name = name;
  }

  onEntered({ members }: Entered): void {
    this.#view = new Set(members);
    if (this.#view.size < members.length) this.#violate("was told of somebody twice on entering");
  }

  onChanged({ joined, left }: Changed): void {
    for (const id of joined) {
      if (this.#view.has(id)) this.#violate(`was told that ${id} came, who was there`);
      this.#view.add(id);
    }
    for (const id of left) {
      if (!this.#view.delete(id)) this.#violate(`was told that ${id} left, who was not there`);
    }
  }

  /** `present`: who is there at the end, all being whole for longer than it may take. */
  onEnd(present: readonly string[]): void {
    const missing = present.filter((id) => !this.#view.has(id));
    const ghosts = [...this.#view].filter((id) => !present.includes(id));
    if (missing.length > 0) this.#violate(`doesn't see ${missing.join(", ")} at the end`);
    if (ghosts.length > 0) this.#violate(`sees ${ghosts.join(", ")} at the end, who are gone`);
  }

  #violate(what: string): void {
    this.violations.push(`${this.#name} ${what}`);
  }
}
