import type { Container } from "./container.ts";
import { kubeTime, type PodObject } from "./kube-objects.ts";
import { ADDRESSES } from "./sandbox.ts";

/** All that a pod's status is told from. */
export interface PodFacts {
  readonly object: PodObject;
  readonly containers: readonly Container[];
  readonly address: string | null;
  readonly startTime: string;
  /** Why it can't be started; null where nothing is wrong. */
  readonly failure: { readonly reason: string; readonly message: string } | null;
  readonly hasInitialized: boolean;
  readonly isStopping: boolean;
  /** Conditions as they were told last, for the times at which they changed. */
  readonly before: readonly Condition[];
}

interface Condition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly lastTransitionTime: string;
}

/** A pod's status, as a kubelet reports it. */
export function podStatus(facts: PodFacts) {
  const { object, containers, address, startTime, hasInitialized } = facts;
  const phase = phaseOf(facts);
  const areReady = phase === "Running" && containers.length > 0 && containers.every((each) => each.isReady);
  const condition = (type: string, isTrue: boolean): Condition => {
    const status = isTrue ? "True" : "False";
    const before = facts.before.find((each) => each.type === type);
    return { type, status, lastTransitionTime: before?.status === status ? before.lastTransitionTime : kubeTime() };
  };
  return {
    phase,
    startTime,
    hostIP: ADDRESSES.apiServer,
    hostIPs: [{ ip: ADDRESSES.apiServer }],
    ...(address === null ? {} : { podIP: address, podIPs: [{ ip: address }] }),
    conditions: [
      condition("PodScheduled", true),
      condition("Initialized", hasInitialized),
      condition("ContainersReady", areReady),
      condition("Ready", areReady),
    ],
    containerStatuses: object.spec.containers.map(({ name, image }) => statusOf(facts, name, image)),
  };
}

function phaseOf({ object, containers, hasInitialized, isStopping }: PodFacts): string {
  const ends = containers.flatMap(({ state }) => ("terminated" in state ? [state.terminated.exitCode] : []));
  const isOver = ends.length === containers.length && containers.length > 0;
  if (isOver && (isStopping || object.spec.restartPolicy !== "Always")) {
    return ends.every((code) => code === 0) ? "Succeeded" : "Failed";
  }
  return hasInitialized ? "Running" : "Pending";
}

function statusOf({ containers, failure }: PodFacts, name: string, image: string) {
  const container = containers.find((each) => each.spec.name === name);
  const state =
    failure !== null ? { waiting: failure } : (container?.state ?? { waiting: { reason: "PodInitializing" } });
  return {
    name,
    image,
    imageID: image,
    restartCount: container?.restarts ?? 0,
    ready: container?.isReady ?? false,
    started: container?.isStarted ?? false,
    state,
    ...(container?.lastState == null ? {} : { lastState: container.lastState }),
    ...(container?.pid == null ? {} : { containerID: `process://${container.pid}` }),
  };
}
