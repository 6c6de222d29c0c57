/** How long {@link eventually} goes on. */
export interface EventuallyOptions {
  /** After this long the last failure is reported, in ms. Default 10 seconds: on a busy machine, waiting beats flaking. */
  readonly timeoutMs?: number;
  /** Pause between two tries, in ms. Default 10. */
  readonly intervalMs?: number;
}

/**
 * Runs `assertion` again and again until it doesn't throw, and resolves with what it returned. When the time is over it
 * rejects with the last failure, so a test shows what was still wrong.
 *
 * @example
 * await eventually(() => expect(received).toEqual(["a", "b"]));
 */
export async function eventually<T>(assertion: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { timeoutMs = 10_000, intervalMs = 10 } = options;
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() >= endMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}
