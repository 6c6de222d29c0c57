import type { Panel } from "./dashboard.ts";
import { highest, line, perSecond } from "./expressions.ts";

/** What a process of Node is doing: for gateways as for publishers. `role` is the word for it. */
export function processPanels(role: string, selector: string): { cpu: Panel; eventLoop: Panel; memory: Panel } {
  return {
    cpu: {
      title: "CPU",
      description: `Of one core: a ${role} is one thread, and full at 100 %.`,
      unit: "percentunit",
      queries: [line("{{instance}}", perSecond("process_cpu_seconds_total", selector, "instance"))],
    },
    eventLoop: {
      title: "Event loop, p99",
      description: "How late the loop turns. About 20 to 30 ms is the measure's own grain.",
      unit: "s",
      queries: [highest("nodejs_eventloop_lag_p99_seconds", selector)],
    },
    memory: {
      title: "Memory",
      description: "Resident memory.",
      unit: "bytes",
      queries: [highest("process_resident_memory_bytes", selector)],
    },
  };
}

/** What a process has published and NATS has not confirmed. */
export function unconfirmed(selector: string): Panel {
  return {
    title: "Not yet confirmed by NATS",
    description: "Bytes that were published and not confirmed, by process. More than 64 MiB are refused.",
    unit: "bytes",
    queries: [highest("carillon_bus_pending_bytes", selector)],
  };
}

/** Calls of the publish API by what came of them. */
export function publishApiByStatus(selector: string): Panel {
  return {
    title: "Publish API by status",
    description: "503 is NATS or JetStream away; 401 wrong credentials; 429 an app over its rate.",
    unit: "reqps",
    isStacked: true,
    queries: [line("{{status}}", perSecond("carillon_publish_requests_total", selector, "status"))],
  };
}

/** Who was turned away, and why. */
export function connectionsRefused(selector: string): Panel {
  return {
    title: "Connections refused",
    description:
      "capacity, files, memory, lag: full or overloaded; draining: it shuts down; blocks: the list of who is blocked is not there yet; path: a wrong address.",
    unit: "ops",
    queries: [line("{{reason}}", perSecond("carillon_upgrades_refused_total", selector, "reason"))],
  };
}
