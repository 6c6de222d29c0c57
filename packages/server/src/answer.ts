import { CarillonError } from "./carillon-error.ts";

/** An object of an answer. Members that are not what they should be throw `unexpected_answer`. */
export class Answer {
  readonly #members: Readonly<Record<string, unknown>>;

  constructor(value: unknown) {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw unreadable("no object where one should be");
    this.#members = value as Record<string, unknown>;
  }

  /** Of the text of an answer. */
  static parse(text: string): Answer {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw unreadable("no JSON", cause);
    }
    return new Answer(value);
  }

  /** False for `null` too. */
  has(name: string): boolean {
    return this.#members[name] !== undefined && this.#members[name] !== null;
  }

  value(name: string): unknown {
    return this.#members[name];
  }

  text(name: string): string {
    const value = this.#members[name];
    return typeof value === "string" ? value : wrong(name);
  }

  /** Null when it is absent. */
  textOrNull(name: string): string | null {
    return this.has(name) ? this.text(name) : null;
  }

  number(name: string): number {
    const value = this.#members[name];
    return typeof value === "number" ? value : wrong(name);
  }

  boolean(name: string): boolean {
    const value = this.#members[name];
    return typeof value === "boolean" ? value : wrong(name);
  }

  /** Empty when it is absent. */
  texts(name: string): readonly string[] {
    const value = this.#members[name] ?? [];
    return Array.isArray(value) && value.every((each) => typeof each === "string") ? value : wrong(name);
  }

  /** Texts by name; empty when it is absent. */
  textMap(name: string): Readonly<Record<string, string>> {
    const value = this.#members[name] ?? {};
    const isMap = typeof value === "object" && Object.values(value).every((each) => typeof each === "string");
    return isMap ? (value as Record<string, string>) : wrong(name);
  }

  object(name: string): Answer {
    return new Answer(this.#members[name]);
  }

  list<T>(name: string, read: (each: Answer) => T): readonly T[] {
    const value = this.#members[name];
    return Array.isArray(value) ? value.map((each) => read(new Answer(each))) : wrong(name);
  }
}

function wrong(name: string): never {
  throw unreadable(`"${name}" is not what it should be`);
}

function unreadable(what: string, cause?: unknown): CarillonError {
  const advice = 'check that "host" is the publish API, and of a version that fits this SDK';
  return new CarillonError("unexpected_answer", `the answer is none of Carillon's (${what}): ${advice}`, { cause });
}
