/** Reads settings that came as texts, and tells what is wrong with them. */
export class SettingsReader {
  readonly #texts: Readonly<Record<string, string | undefined>>;
  readonly #problems: string[] = [];

  constructor(texts: Readonly<Record<string, string | undefined>>) {
    this.#texts = texts;
  }

  /** Everything that was wrong, in sentences. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Says that something is wrong. */
  refuse(problem: string): void {
    this.#problems.push(problem);
  }

  /** A text; an empty one counts as absent. */
  text(name: string, fallback: string): string {
    const text = this.#texts[name]?.trim();
    return text === undefined || text === "" ? fallback : text;
  }

  /** A whole number from `least` to `most`. */
  whole(name: string, fallback: number, [least, most]: readonly [number, number]): number {
    const value = Number(this.text(name, String(fallback)));
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    return this.#bad(name, `a whole number from ${least} to ${most}`, fallback);
  }

  /** A number from `least` to `most`. */
  number(name: string, fallback: number, [least, most]: readonly [number, number]): number {
    const value = Number(this.text(name, String(fallback)));
    if (value >= least && value <= most) return value;
    return this.#bad(name, `a number from ${least} to ${most}`, fallback);
  }

  /** Seconds: `30`, `30s`, `5m` or `1h`. */
  seconds(name: string, fallback: number, [least, most]: readonly [number, number]): number {
    const match = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(this.text(name, String(fallback)));
    const factor = match?.[2] === "h" ? 3600 : match?.[2] === "m" ? 60 : 1;
    const value = Number(match?.[1] ?? Number.NaN) * factor;
    if (value >= least && value <= most) return value;
    return this.#bad(name, `a time from ${least} to ${most} seconds, such as 30s or 2m`, fallback);
  }

  /** One of some words. */
  choice<Word extends string>(name: string, fallback: Word, words: readonly Word[]): Word {
    const text = this.text(name, fallback);
    const found = words.find((word) => word === text);
    return found ?? this.#bad(name, `one of ${words.join(", ")}`, fallback);
  }

  #bad<T>(name: string, allowed: string, fallback: T): T {
    this.#problems.push(`${name} must be ${allowed}, not "${this.#texts[name] ?? ""}".`);
    return fallback;
  }
}
