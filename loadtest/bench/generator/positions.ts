import { positionIn } from "./numbered-event.ts";

/** Positions by the number of the event, the same for all clients: learned from whoever sees an event first. */
export class Positions {
  readonly #byNumber: string[] = [];

  has(number: number): boolean {
    return this.#byNumber[number] !== undefined;
  }

  learn(number: number, frame: string): void {
    this.#byNumber[number] = positionIn(frame);
  }

  /** Throws when nobody has seen that event. */
  of(number: number): string {
    const position = this.#byNumber[number];
    if (position === undefined) throw new Error(`nobody has seen event ${number}`);
    return position;
  }
}
