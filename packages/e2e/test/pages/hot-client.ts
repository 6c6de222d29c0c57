import { RealtimeClient } from "@carillon/client";

/** What the page's server says, in a script before these modules. */
declare const settings: { readonly host: string };

export const client = new RealtimeClient("app-key", { host: settings.host });
