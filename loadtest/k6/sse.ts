import { openEventStream } from "./lib/event-stream-link.ts";
import { scriptOf } from "./lib/run.ts";

export const { options, clients, conductor, handleSummary } = scriptOf("sse", __ENV, openEventStream);
