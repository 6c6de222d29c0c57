import { createHash, createHmac } from "node:crypto";
import { EVENT, payloadText } from "../payload.ts";
import type { PublishApi } from "../publish-api.ts";

/** The app that contenders with this API are configured with. */
export const PUSHER_APP = { id: "1001", key: "app-key", secret: "app-secret" } as const;

const PATH = `/apps/${PUSHER_APP.id}/events`;

/** Pusher's HTTP API: signed, and the data is a text inside the JSON. */
export const pusherPublish: PublishApi = {
  path: (body) => {
    const bodyMd5 = createHash("md5").update(body).digest("hex");
    const timestamp = Math.floor(Date.now() / 1000);
    const query = `auth_key=${PUSHER_APP.key}&auth_timestamp=${timestamp}&auth_version=1.0&body_md5=${bodyMd5}`;
    const signature = createHmac("sha256", PUSHER_APP.secret).update(`POST\n${PATH}\n${query}`).digest("hex");
    return `${PATH}?${query}&auth_signature=${signature}`;
  },
  body: (channel) => `{"name":"${EVENT}","channel":"${channel}","data":${JSON.stringify(payloadText())}}`,
  isAccepted: (status) => status === 200,
};
