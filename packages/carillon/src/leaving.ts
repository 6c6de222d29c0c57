/** Whether a process has begun to leave. Asked by readiness and metrics; set once, by whoever closes the process. */
export class Leaving {
  #hasBegun = false;

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  begin(): void {
    this.#hasBegun = true;
  }
}
