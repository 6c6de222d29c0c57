import type { App, AppRegistry, Clock } from "@carillon/core";
import { type HttpAnswer, type HttpRequest, problem } from "@carillon/service";
import { checkApiToken } from "./api-token.ts";
import { shownSecret } from "./credentials.ts";

/** The app that a caller may act for, or the answer that says why there is none. */
export type CheckedCaller =
  | { readonly ok: true; readonly app: App }
  | { readonly ok: false; readonly answer: HttpAnswer };

// Always these very answers, so that they tell nothing about what was wrong.
const UNAUTHORIZED = refusal(
  "send the app's publishSecret as x-publish-secret, or as Authorization: Bearer, or an API token that the app's secret signs",
);
// Told only to whoever knows the secret.
const MISTIMED = refusal(
  "the API token has expired, or ends more than 15 minutes from now: make one for each call, and set the clocks of both machines",
);
const DISABLED: CheckedCaller = Object.freeze({
  ok: false,
  answer: problem("app_disabled", "the app is switched off in the configuration"),
});

/** Finds the app whose publish secret, or a token by whose secret, a caller shows. */
export class CallerCheck {
  readonly #apps: AppRegistry;
  readonly #clock: Clock;

  constructor({ apps, clock }: { readonly apps: AppRegistry; readonly clock: Clock }) {
    this.#apps = apps;
    this.#clock = clock;
  }

  check(request: HttpRequest): CheckedCaller {
    const secret = shownSecret(request);
    if (secret === "") return UNAUTHORIZED;
    const app = this.#apps.byPublishSecret(secret);
    if (app !== null) return admitted(app);
    const token = checkApiToken(secret, { apps: this.#apps, nowSeconds: this.#clock.now() / 1000 });
    if (token.verdict === "mistimed") return MISTIMED;
    return token.verdict === "valid" ? admitted(token.app) : UNAUTHORIZED;
  }
}

function admitted(app: App): CheckedCaller {
  return app.settings.enabled ? { ok: true, app } : DISABLED;
}

function refusal(detail: string): CheckedCaller {
  return Object.freeze({ ok: false, answer: problem("unauthorized", detail, { "www-authenticate": "Bearer" }) });
}
