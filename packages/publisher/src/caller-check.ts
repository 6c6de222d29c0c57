import type { App, AppRegistry } from "@carillon/core";
import { type HttpAnswer, type HttpRequest, problem } from "@carillon/service";
import { shownSecret } from "./credentials.ts";

/** The app that a caller may act for, or the answer that says why there is none. */
export type CheckedCaller =
  | { readonly ok: true; readonly app: App }
  | { readonly ok: false; readonly answer: HttpAnswer };

// Always these very answers, so that they tell nothing about what was wrong.
const UNAUTHORIZED: CheckedCaller = Object.freeze({
  ok: false,
  answer: problem("unauthorized", "send the app's publishSecret as x-publish-secret, or as Authorization: Bearer", {
    "www-authenticate": "Bearer",
  }),
});
const DISABLED: CheckedCaller = Object.freeze({
  ok: false,
  answer: problem("app_disabled", "the app is switched off in the configuration"),
});

/** Finds the app whose publish secret a caller shows. */
export class CallerCheck {
  readonly #apps: AppRegistry;

  constructor(apps: AppRegistry) {
    this.#apps = apps;
  }

  check(request: HttpRequest): CheckedCaller {
    const secret = shownSecret(request);
    const app = secret === "" ? null : this.#apps.byPublishSecret(secret);
    if (app === null) return UNAUTHORIZED;
    return app.settings.enabled ? { ok: true, app } : DISABLED;
  }
}
