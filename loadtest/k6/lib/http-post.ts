import type { RefinedResponse } from "k6/http";
import http from "k6/http";

interface PostOptions {
  readonly url: string;
  readonly body: string;
  readonly headers: Record<string, string>;
}

const TIMEOUT = "15s";

/**
 * What Go says when it took a connection for a request that the server was just closing, and had sent nothing: it dials more of them than it
 * needs, and servers close those that nobody used. Any other client would try again as well.
 */
const NOTHING_SENT = "http: server closed idle connection";
const MOST_ATTEMPTS = 3;

/** Posts, and has the answer without its body. Rejects only for what k6 wouldn't even send. */
export async function post({ url, body, headers }: PostOptions): Promise<RefinedResponse<"none">> {
  for (let attempt = 1; ; attempt++) {
    const answer = await http.asyncRequest("POST", url, body, { headers, timeout: TIMEOUT, responseType: "none" });
    if (attempt === MOST_ATTEMPTS || answer.error !== NOTHING_SENT) return answer;
  }
}
