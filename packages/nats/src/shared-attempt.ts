/** Something that has to be done once: all who need it share one attempt, a success stands, and a failure is forgotten. */
export class SharedAttempt {
  #attempt: Promise<void> | null = null;

  /** Resolves when it is done; begins it with `task` where it is neither done nor under way. Rejects as the task does. */
  run(task: () => Promise<void>): Promise<void> {
    if (this.#attempt !== null) return this.#attempt;
    const attempt = task();
    this.#attempt = attempt;
    attempt.catch(() => {
      if (this.#attempt === attempt) this.#attempt = null;
    });
    return attempt;
  }

  /** It may not be so any more: the next one does it again. */
  forget(): void {
    this.#attempt = null;
  }
}
