export { BusUnavailableError } from "@carillon/core";
export { ConfigError, PortInUseError } from "@carillon/service";
export type { RunningAddresses } from "./carillon-process.ts";
export { type RunningCarillon, type StartCarillonOptions, startCarillon } from "./start-carillon.ts";
