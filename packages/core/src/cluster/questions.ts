import type { Clock, Timer } from "../ports/clock.ts";
import type { ClusterAnswer, ClusterAnswers } from "./cluster.ts";

/** Most questions of a process that may be open at a time; further ones are answered by nobody. */
export const MAX_OPEN_QUESTIONS = 10_000;

/** Most parts that are taken in for one question; what comes beyond counts as not answered. */
export const MAX_ANSWER_PARTS = 100_000;

interface Question {
  /** Those who have yet to send their last part. */
  readonly waiting: Set<string>;
  readonly missing: string[];
  readonly parts: Map<string, unknown[]>;
  readonly answers: ClusterAnswer[];
  readonly resolve: (answers: ClusterAnswers) => void;
  readonly timer: Timer;
  readonly endsWithLink: boolean;
  partCount: number;
}

/** How long to wait for answers, and what ends that early. */
export interface QuestionLimits {
  readonly timeoutMs: number;
  readonly endsWithLink: boolean;
}

/** One part of one node's answer. */
export interface AnswerPart {
  readonly from: string;
  readonly question: number;
  readonly isLast: boolean;
  readonly isFailed: boolean;
  readonly hasPart: boolean;
  readonly part: unknown;
}

/** The questions of a process that are not answered yet. */
export class Questions {
  readonly #clock: Clock;
  readonly #open = new Map<number, Question>();
  #lastNumber = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Opens a question to these nodes. `send` is called with its number, once everything is ready for answers; when there is
   * nobody to ask, or no room, it is not.
   */
  ask(
    nodeIds: readonly string[],
    { timeoutMs, endsWithLink }: QuestionLimits,
    send: (question: number) => void,
  ): Promise<ClusterAnswers> {
    if (nodeIds.length === 0) return Promise.resolve({ answers: [], missing: [] });
    if (this.#open.size >= MAX_OPEN_QUESTIONS) return Promise.resolve({ answers: [], missing: nodeIds });
    return new Promise((resolve) => {
      this.#lastNumber++;
      const number = this.#lastNumber;
      this.#open.set(number, {
        waiting: new Set(nodeIds),
        missing: [],
        parts: new Map(),
        answers: [],
        resolve,
        timer: this.#clock.after(timeoutMs, () => this.#end(number)),
        endsWithLink,
        partCount: 0,
      });
      send(number);
    });
  }

  /** Takes in a part. Late ones, and those of nobody who was asked, are dropped. */
  take({ from, question: number, isLast, isFailed, hasPart, part }: AnswerPart): void {
    const question = this.#open.get(number);
    if (question === undefined || !question.waiting.has(from)) return;
    if (isFailed || question.partCount >= MAX_ANSWER_PARTS) {
      this.#miss(number, question, from);
      return;
    }
    let parts = question.parts.get(from);
    if (parts === undefined) {
      parts = [];
      question.parts.set(from, parts);
    }
    if (hasPart) {
      parts.push(part);
      question.partCount++;
    }
    if (!isLast) return;
    question.waiting.delete(from);
    question.answers.push({ nodeId: from, parts });
    if (question.waiting.size === 0) this.#end(number);
  }

  /** A node has gone: nobody waits for it any more. */
  giveUpOn(nodeId: string): void {
    for (const [number, question] of this.#open) {
      if (question.waiting.has(nodeId)) this.#miss(number, question, nodeId);
    }
  }

  /** This process is cut off: ends those that end with that. */
  linkLost(): void {
    for (const [number, { endsWithLink }] of [...this.#open]) if (endsWithLink) this.#end(number);
  }

  /** Ends all of them with what there is. */
  close(): void {
    for (const number of [...this.#open.keys()]) this.#end(number);
  }

  #miss(number: number, question: Question, nodeId: string): void {
    question.waiting.delete(nodeId);
    question.missing.push(nodeId);
    if (question.waiting.size === 0) this.#end(number);
  }

  #end(number: number): void {
    const question = this.#open.get(number);
    if (question === undefined) return;
    this.#open.delete(number);
    question.timer.cancel();
    question.resolve({ answers: question.answers, missing: [...question.missing, ...question.waiting] });
  }
}
