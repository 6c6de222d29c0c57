import type { ErrorCode } from "./codes.ts";

/** An expected refusal: what was wrong, in a code for programs and a sentence for people that says what to do. */
export interface Refusal {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly message: string;
}

/** A success that carries a value. */
export interface Accepted<T> {
  readonly ok: true;
  readonly value: T;
}

/** Result of an act that can be refused for a reason a user can cause. Bugs and broken promises throw instead. */
export type Result<T> = Accepted<T> | Refusal;

/** Makes an {@link Accepted}. */
export function accept<T>(value: T): Accepted<T> {
  return { ok: true, value };
}

/** Makes a {@link Refusal}. The message goes to the client as it is: never put a secret or a payload in it. */
export function refuse(code: ErrorCode, message: string): Refusal {
  return { ok: false, code, message };
}
