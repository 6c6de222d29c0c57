import type { Clock, Timer } from "@carillon/core";

interface Task {
  dueMs: number;
  /** 0 = once. */
  readonly periodMs: number;
  readonly run: () => void;
}

/** A clock that stands still until a test moves it. Starts at 0 on both scales unless told otherwise. */
export class FakeClock implements Clock {
  readonly #offsetMs: number;
  readonly #tasks = new Set<Task>();
  #atEndOfTurn: (() => void)[] = [];
  #elapsedMs = 0;

  /** `startMs` is what `now()` says at first, in milliseconds since 1970. */
  constructor(startMs = 0) {
    this.#offsetMs = startMs;
  }

  now(): number {
    return this.#offsetMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, task: () => void): Timer {
    return this.#add({ dueMs: this.#elapsedMs + Math.max(delayMs, 0), periodMs: 0, run: task });
  }

  /** A turn ends when time moves on, and when one of the tasks has run. */
  afterTurn(task: () => void): void {
    this.#atEndOfTurn.push(task);
  }

  every(periodMs: number, task: () => void): Timer {
    if (!(periodMs > 0)) throw new RangeError("a period must be longer than 0 ms");
    return this.#add({ dueMs: this.#elapsedMs + periodMs, periodMs, run: task });
  }

  /** Timers that are set: 0 shows that nothing was left behind. */
  get pendingTimers(): number {
    return this.#tasks.size;
  }

  /**
   * Moves time on by `ms` and runs what falls due on the way, in the order of the due times (and of setting, where they are
   * equal). Each task sees the time at which it was due; timers that a task sets run as well when they fall due by the end.
   */
  advance(ms: number): void {
    this.#endTurn();
    const endMs = this.#elapsedMs + ms;
    for (let task = this.#nextUntil(endMs); task !== null; task = this.#nextUntil(endMs)) {
      this.#elapsedMs = Math.max(this.#elapsedMs, task.dueMs);
      if (task.periodMs === 0) this.#tasks.delete(task);
      else task.dueMs += task.periodMs;
      task.run();
      this.#endTurn();
    }
    this.#elapsedMs = endMs;
  }

  /**
   * Moves time on by `ms` as for a process that stood still: what fell due meanwhile runs afterwards, each timer once, and
   * sees the time of the end.
   */
  freeze(ms: number): void {
    const endMs = this.#elapsedMs + ms;
    this.#elapsedMs = endMs;
    this.#endTurn();
    for (const task of [...this.#tasks].filter(({ dueMs }) => dueMs <= endMs)) {
      if (task.periodMs === 0) this.#tasks.delete(task);
      else task.dueMs = endMs + task.periodMs;
      task.run();
    }
    this.#endTurn();
  }

  #endTurn(): void {
    const tasks = this.#atEndOfTurn;
    this.#atEndOfTurn = [];
    for (const task of tasks) task();
  }

  #add(task: Task): Timer {
    this.#tasks.add(task);
    return { cancel: () => void this.#tasks.delete(task) };
  }

  #nextUntil(endMs: number): Task | null {
    let next: Task | null = null;
    for (const task of this.#tasks) {
      if (task.dueMs <= endMs && (next === null || task.dueMs < next.dueMs)) next = task;
    }
    return next;
  }
}
