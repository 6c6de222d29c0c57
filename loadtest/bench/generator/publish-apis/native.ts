import { publishBody } from "../payload.ts";
import type { PublishApi } from "../publish-api.ts";

/** The guide's `POST /publish`, which is answered with 204. */
export const nativePublish: PublishApi = {
  path: () => "/publish",
  body: publishBody,
  isAccepted: (status) => status === 204,
};
