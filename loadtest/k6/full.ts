import { scriptOf } from "./lib/run.ts";

export const { options, clients, conductor, handleSummary } = scriptOf("full", __ENV);
