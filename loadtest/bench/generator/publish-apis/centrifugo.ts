import { EVENT, payloadText } from "../payload.ts";
import type { PublishApi } from "../publish-api.ts";

/** Centrifugo's server API. A refusal is a 200 too, with an error in its body. */
export const centrifugoPublish: PublishApi = {
  path: () => "/api/publish",
  // It knows no names of events: applications put them into the data.
  body: (channel) => `{"channel":"${channel}","data":{"event":"${EVENT}","payload":${payloadText()}}}`,
  isAccepted: (status, body) => status === 200 && body.includes('"result"'),
};
