import { get } from "node:http";
import { connect } from "node:net";
import type { ContainerSpec, ProbeSpec } from "./kube-objects.ts";

/** What probes are made against. */
export interface ProbeTarget {
  readonly address: string;
  readonly ports: ContainerSpec["ports"];
  /** Runs a command in the container; resolves with whether it exited with 0 in time. */
  readonly exec: (command: readonly string[], timeoutMs: number) => Promise<boolean>;
}

/** Makes one probe. */
export async function probe(spec: ProbeSpec, target: ProbeTarget): Promise<boolean> {
  const timeoutMs = (spec.timeoutSeconds ?? 1) * 1000;
  if (spec.exec !== undefined) return target.exec(spec.exec.command, timeoutMs);
  if (spec.tcpSocket !== undefined) return isOpen(target.address, portOf(spec.tcpSocket.port, target), timeoutMs);
  if (spec.httpGet !== undefined) return isAnsweredWell(spec.httpGet, target, timeoutMs);
  return true;
}

/** What {@link watchProbe} works with. */
export interface ProbeWatch {
  readonly spec: ProbeSpec;
  readonly target: ProbeTarget;
  /** Aborted when the process is gone. */
  readonly signal: AbortSignal;
  /** Told of each threshold that was reached; answers whether to go on. */
  readonly onOutcome: (isPassing: boolean) => boolean;
}

/** Makes a probe again and again. */
export async function watchProbe({ spec, target, signal, onOutcome }: ProbeWatch): Promise<void> {
  let passed = 0;
  let failed = 0;
  await pause((spec.initialDelaySeconds ?? 0) * 1000, signal);
  while (!signal.aborted) {
    const isPassing = await probe(spec, target);
    if (signal.aborted) return;
    passed = isPassing ? passed + 1 : 0;
    failed = isPassing ? 0 : failed + 1;
    const isDecided = passed >= (spec.successThreshold ?? 1) || failed >= (spec.failureThreshold ?? 3);
    if (isDecided && !onOutcome(isPassing)) return;
    await pause((spec.periodSeconds ?? 10) * 1000, signal);
  }
}

/** Waits; ends early when aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

function portOf(port: number | string, { ports = [] }: ProbeTarget): number {
  if (typeof port === "number") return port;
  return ports.find(({ name }) => name === port)?.containerPort ?? Number(port);
}

function isOpen(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (isPassing: boolean) => {
      socket.destroy();
      resolve(isPassing);
    };
    socket.on("connect", () => end(true));
    socket.on("timeout", () => end(false));
    socket.on("error", () => end(false));
  });
}

function isAnsweredWell(
  spec: NonNullable<ProbeSpec["httpGet"]>,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<boolean> {
  const headers = Object.fromEntries((spec.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  const options = {
    host: target.address,
    port: portOf(spec.port, target),
    path: spec.path ?? "/",
    agent: false,
    headers,
  };
  return new Promise((resolve) => {
    const call = get({ ...options, signal: AbortSignal.timeout(timeoutMs) }, (answer) => {
      answer.resume();
      const status = answer.statusCode ?? 0;
      resolve(status >= 200 && status < 400);
    });
    call.on("error", () => resolve(false));
  });
}
