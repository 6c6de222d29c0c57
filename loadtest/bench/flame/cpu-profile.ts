/** A function in a CPU profile, with those that it called. */
export interface Frame {
  readonly name: string;
  /** File and line; "" for what is no code of a file. */
  readonly place: string;
  /** Microseconds, of what it called too. */
  us: number;
  readonly callees: Map<string, Frame>;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** What `node --cpu-prof` writes, as far as it is used here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Times in which nothing ran. */
const IDLE = "(idle)";

/** The tree of calls, the same function called by the same one once, and without the time in which nothing ran. */
export function callTree({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const ownUs = new Map<number, number>();
  for (const [index, id] of samples.entries()) ownUs.set(id, (ownUs.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const add = (frame: Frame, node: ProfileNode): number => {
    let us = ownUs.get(node.id) ?? 0;
    for (const id of node.children ?? []) {
      const callee = byId.get(id);
      if (callee !== undefined && callee.callFrame.functionName !== IDLE) us += add(calleeOf(frame, callee), callee);
    }
    frame.us += us;
    return us;
  };
  const root = newFrame("all", "");
  const [top] = nodes;
  if (top !== undefined) add(root, top);
  return root;
}

function calleeOf(caller: Frame, { callFrame }: ProfileNode): Frame {
  const name = callFrame.functionName === "" ? "(anonymous)" : callFrame.functionName;
  const place = callFrame.url === "" ? "" : `${shortPath(callFrame.url)}:${callFrame.lineNumber + 1}`;
  const key = `${name} ${place}`;
  let callee = caller.callees.get(key);
  if (callee === undefined) {
    callee = newFrame(name, place);
    caller.callees.set(key, callee);
  }
  return callee;
}

function newFrame(name: string, place: string): Frame {
  return { name, place, us: 0, callees: new Map() };
}

/** Without what differs from machine to machine. */
function shortPath(url: string): string {
  return url.replace(/^.*\/(?=(?:packages|node_modules)\/)/, "");
}
