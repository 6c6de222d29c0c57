import { scriptOf } from "./lib/run.ts";

export const { options, clients, conductor, handleSummary } = scriptOf("connect", __ENV);
