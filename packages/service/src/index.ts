export type * from "./http/http-types.ts";
