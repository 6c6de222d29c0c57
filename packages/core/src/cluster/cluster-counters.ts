/** What a process counts about its cluster. Counters only grow. */
export interface ClusterCounters {
  /** Messages that could not be read, and were dropped. */
  messagesUnreadable: number;
  /** Times that a node was held for lost. */
  nodesLost: number;
  /** Questions that were asked. */
  questions: number;
  /** Questions that some gateway didn't answer in time. */
  questionsIncomplete: number;
}

/** Counters that stand at zero. */
export function createClusterCounters(): ClusterCounters {
  return { messagesUnreadable: 0, nodesLost: 0, questions: 0, questionsIncomplete: 0 };
}
