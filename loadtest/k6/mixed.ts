import { scriptOf } from "./lib/run.ts";

export const { options, clients, conductor, handleSummary } = scriptOf("mixed", __ENV);
