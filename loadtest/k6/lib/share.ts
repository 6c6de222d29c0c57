/** The part of all clients that one thread has. */
export interface Share {
  /** Which of the threads: 0 and up. */
  readonly number: number;
  /** Its first client. */
  readonly first: number;
  readonly count: number;
}

/** The part of thread `number` of `threads`: parts differ by one client at most, and together they are all clients, each once. */
export function shareOf(number: number, threads: number, clients: number): Share {
  const first = Math.floor((clients * number) / threads);
  return { number, first, count: Math.floor((clients * (number + 1)) / threads) - first };
}
