/** When a gateway asks clients to go elsewhere, and how many. */
export interface RebalanceLimits {
  /** How many per cent above the average it begins. */
  readonly thresholdPercent: number;
  /** The most of its connections that it asks in one interval, in per cent. */
  readonly sharePercent: number;
  /** With fewer connections it asks nobody. */
  readonly minConnections: number;
}

/** Another gateway, as it last told of itself. */
export interface RebalancePeer {
  readonly id: string;
  readonly connections: number;
  /** False: full, overloaded or draining; null: it doesn't tell. */
  readonly isAccepting: boolean | null;
}

/** What is known when an interval begins. */
export interface RebalanceView {
  /** Connections here. */
  readonly own: number;
  readonly peers: readonly RebalancePeer[];
  /** Monotonic. */
  readonly nowMs: number;
}

/** What to do in an interval. */
export interface RebalanceStep {
  /** How many connections to ask at most. */
  readonly count: number;
  /** When so many are left, nobody more is asked. */
  readonly keep: number;
  /** True: a round begins. Who connects from now on isn't asked in it. */
  readonly isNewRound: boolean;
}

/**
 * What a gateway is about. `balanced`: nothing to do. `round`: it asks, interval by interval. `resting`: asking didn't help, so
 * it lets everybody be for a while.
 */
export type RebalanceState = "balanced" | "round" | "resting";

const NOTHING: RebalanceStep = { count: 0, keep: 0, isNewRound: false };

/** Before so many intervals of a round have passed, nothing is concluded from it. */
const EVIDENCE_INTERVALS = 3;
/** Nor before so many connections should have moved, if the load balancer brought them anywhere. */
const EVIDENCE_MOVES = 10;
/** Asking helps when so much of what could be expected has come true. Low: what comes and goes by itself blurs it. */
const LEAST_SUCCESS = 0.3;

const FIRST_REST_MS = 10 * 60_000;
const LONGEST_REST_MS = 6 * 3_600_000;

interface Round {
  /** How many connections the gateways below the average were short of when the round began. */
  readonly missingAtStart: number;
  asked: number;
  intervals: number;
  /** Everybody who was there when it began has been asked. */
  isExhausted: boolean;
}

/**
 * Decides how many connections a gateway sends elsewhere. Each gateway decides for itself, by what the heartbeats say; all
 * of them together never ask more than the gateways below the average are short of, since nobody goes below the average.
 *
 * A round asks each connection at most once. It goes on while those below the average fill up; where chance left too much, another one follows. Where
 * they don't, because the load balancer brings everybody back, the gateway rests, longer each time, until another gateway appears: that changes where
 * addresses lead to. Pure: told the time and the dice.
 */
export class RebalancePlan {
  readonly #limits: RebalanceLimits;
  readonly #random: () => number;
  #round: Round | null = null;
  #known: ReadonlySet<string> | null = null;
  #rests = 0;
  #restsUntilMs = Number.NEGATIVE_INFINITY;
  #isResting = false;

  /** `random`: a number in [0, 1). */
  constructor(limits: RebalanceLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  get state(): RebalanceState {
    if (this.#round !== null) return "round";
    return this.#isResting ? "resting" : "balanced";
  }

  /** Called once in each interval. */
  next(view: RebalanceView): RebalanceStep {
    const { peers, nowMs } = view;
    // Who has just come or gone: its clients are still on their way, and the load balancer may not know yet.
    if (this.#hasChanged(peers)) return NOTHING;
    // What is sent on its way would fall on those who are left.
    if (peers.length === 0 || peers.some(({ isAccepting }) => isAccepting !== true)) return NOTHING;
    const average = averageOf(view);
    if (this.#isResting && nowMs < this.#restsUntilMs) return NOTHING;
    this.#isResting = false;
    if (!this.#goesOn(view, average)) return NOTHING;
    const begins = this.#round === null;
    const round = this.#round ?? {
      missingAtStart: missingOf(peers, average),
      asked: 0,
      intervals: 0,
      isExhausted: false,
    };
    this.#round = round;
    round.intervals++;
    const keep = Math.ceil(average);
    return { count: this.#countOf(view, keep), keep, isNewRound: begins };
  }

  /** So many have been asked. */
  asked(count: number): void {
    if (this.#round !== null) this.#round.asked += count;
  }

  /** Everybody who was there at the beginning of the round has been asked. What has come of it shows in the next interval. */
  exhausted(): void {
    if (this.#round !== null) this.#round.isExhausted = true;
  }

  /** Whether to ask in this interval. Ends the round where it has done its work, or doesn't. */
  #goesOn(view: RebalanceView, average: number): boolean {
    const { thresholdPercent, minConnections } = this.#limits;
    // It ends lower than it begins, or it would begin again with the next client that comes.
    const percent = this.#round === null ? thresholdPercent : thresholdPercent / 2;
    if (view.own < minConnections || view.own <= average * (1 + percent / 100)) {
      if (this.#round !== null) this.#rests = 0;
      this.#round = null;
      return false;
    }
    if (this.#round === null) return true;
    if (!this.#helps(this.#round, view, average)) {
      this.#rest(view.nowMs);
      return false;
    }
    if (!this.#round.isExhausted) return true;
    // It helped, and chance has left too much: another one, from the threshold on.
    this.#round = null;
    return this.#goesOn(view, average);
  }

  /** Whether those fill up that are short. What this one has left says less: others that are full send their clients here too. */
  #helps(round: Round, { peers }: RebalanceView, average: number): boolean {
    // Were everybody brought to any gateway by chance, this many would have gone to those below the average.
    const below = peers.filter(({ connections }) => connections < average).length;
    const expected = (round.asked * below) / (peers.length + 1);
    const isEarly = round.intervals < EVIDENCE_INTERVALS || expected < EVIDENCE_MOVES;
    if (isEarly && !round.isExhausted) return true;
    return round.missingAtStart - missingOf(peers, average) >= expected * LEAST_SUCCESS;
  }

  #countOf({ own, peers }: RebalanceView, keep: number): number {
    // Never the same: gateways in the same place don't act as one.
    const share = (own * this.#limits.sharePercent * (0.5 + 0.5 * this.#random())) / 100;
    return Math.max(0, Math.floor(Math.min(Math.max(1, share), own - keep, missingOf(peers, keep))));
  }

  #rest(nowMs: number): void {
    const restMs = Math.min(FIRST_REST_MS * 2 ** this.#rests, LONGEST_REST_MS) * (0.75 + 0.5 * this.#random());
    this.#rests++;
    this.#round = null;
    this.#isResting = true;
    this.#restsUntilMs = nowMs + restMs;
  }

  #hasChanged(peers: readonly RebalancePeer[]): boolean {
    const known = this.#known;
    const ids = new Set(peers.map(({ id }) => id));
    this.#known = ids;
    if (known === null) return true;
    const isNew = [...ids].some((id) => !known.has(id));
    const isGone = [...known].some((id) => !ids.has(id));
    if (!isNew && !isGone) return false;
    // The round was measured against other gateways.
    this.#round = null;
    if (isNew) {
      this.#isResting = false;
      this.#rests = 0;
    }
    return true;
  }
}

function averageOf({ own, peers }: RebalanceView): number {
  return peers.reduce((sum, { connections }) => sum + connections, own) / (peers.length + 1);
}

/** How many connections those below `level` are short of, all together. */
function missingOf(peers: readonly RebalancePeer[], level: number): number {
  return peers.reduce((sum, { connections }) => sum + Math.max(0, level - connections), 0);
}
