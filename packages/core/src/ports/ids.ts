/** Where ids and randomness come from, injected so that tests can foresee them. */
export interface IdSource {
  /** A message id: unique over the cluster for ever, at most 32 ASCII characters. */
  messageId(): string;
  /** The number of this process in connection ids: a random whole number of up to 48 bits, drawn once. */
  readonly nodeNumber: number;
  /** A number in [0, 1), for jitter. */
  random(): number;
}
