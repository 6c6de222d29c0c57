import type { AppSettings } from "@carillon/core";
import { isAddress, isPublicAddress } from "../net/public-address.ts";
import type { Findings } from "./findings.ts";

/** Names that lead to the machine itself, whatever a resolver says. */
const LOCAL_NAME = /^(?:.+\.)?localhost\.?$/i;

/** Checks what must hold between the settings of an app's webhook endpoints. */
export function addWebhookRelations(app: AppSettings, index: number, findings: Findings): void {
  for (const [at, { url: written, allowPrivateNetwork, id }] of app.webhooks.entries()) {
    const path = ["apps", index, "webhooks", at, "url"];
    const first = app.webhooks.findIndex((each) => each.id === id);
    if (first < at)
      findings.problem(path, `is the same as apps[${index}].webhooks[${first}].url: put their events together`);
    if (allowPrivateNetwork) continue;
    const url = new URL(written);
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (LOCAL_NAME.test(host) || (isAddress(host) && !isPublicAddress(host))) {
      findings.problem(
        path,
        "is at an address that is not public: set allowPrivateNetwork: true beside it if that is meant",
      );
    } else if (url.protocol === "http:") {
      findings.warning(path, "is told without TLS: whoever is on the way can read the events");
    }
  }
}
