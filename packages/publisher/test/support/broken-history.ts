import { type AppendResult, type HistoryPage, type HistoryStore, HistoryUnavailableError } from "@carillon/core";

/** A store that is away. */
export class BrokenHistory implements HistoryStore {
  readonly isAvailable = false;

  append(): Promise<AppendResult> {
    return Promise.reject(new HistoryUnavailableError("the store is broken"));
  }

  trim(): Promise<never> {
    return Promise.reject(new HistoryUnavailableError("the store is broken"));
  }

  heads(): Promise<never> {
    return Promise.reject(new HistoryUnavailableError("the store is broken"));
  }

  read(): Promise<HistoryPage> {
    return Promise.reject(new HistoryUnavailableError("the store is broken"));
  }
}
