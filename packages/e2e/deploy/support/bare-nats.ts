import { connect, type Socket } from "node:net";
import { connect as secure, type TLSSocket } from "node:tls";

/** Who says hello. Absent: nobody, without a name and a password. */
export interface BareUser {
  readonly user: string;
  readonly password: string;
}

const WITHIN_MS = 10_000;

/**
 * Says one line on a connection of its own, by NATS's text protocol over TLS, and resolves with the server's error, or null
 * when it has none: what the server itself says of permissions, with no client library between.
 */
export async function refusalOf(
  { port, ca, user }: { readonly port: number; readonly ca: string; readonly user?: BareUser },
  line: string,
): Promise<string | null> {
  const plain = connect({ port, host: "127.0.0.1" });
  await textUntil(plain, /^INFO .*\r\n/);
  const socket = secure({ socket: plain, ca, host: "127.0.0.1" });
  try {
    const hello = {
      verbose: false,
      pedantic: false,
      lang: "bare",
      version: "1",
      protocol: 1,
      headers: true,
      no_responders: true,
    };
    const credentials = user === undefined ? {} : { user: user.user, pass: user.password };
    const answer = textUntil(socket, /PONG\r\n|-ERR '[^']*'\r\n/);
    socket.write(`CONNECT ${JSON.stringify({ ...hello, ...credentials })}\r\n${line}\r\nPING\r\n`);
    return /-ERR '([^\r]*)'/.exec(await answer)?.[1] ?? null;
  } finally {
    socket.destroy();
    plain.destroy();
  }
}

/** `PUB` without a payload, or with one; answers are sent nowhere. */
export const publishLine = (subject: string, body = "") => `PUB ${subject} ${Buffer.byteLength(body)}\r\n${body}`;

export const subscribeLine = (subject: string) => `SUB ${subject} 1`;

function textUntil(socket: Socket | TLSSocket, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error(`no answer; so far: ${text}`)), WITHIN_MS);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      socket.off("data", receive);
      act();
    };
    const receive = (data: Buffer) => {
      text += data.toString("latin1");
      if (pattern.test(text)) settle(() => resolve(text));
    };
    socket.on("data", receive);
    socket.once("error", (error) => settle(() => reject(error)));
    socket.once("close", () => settle(() => reject(new Error(`closed; so far: ${text}`))));
  });
}
