import { connect } from "node:net";

const WITHIN_MS = 5_000;
const INBOX = "_INBOX.testkit";

/**
 * Asks something on NATS and resolves with the answer's text, over a connection of its own and by NATS's text protocol: for
 * the few things that only a test wants of JetStream. Rejects when nothing answers within five seconds.
 */
export function requestNats(port: number, subject: string, body = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const settle = (act: () => void) => {
      clearTimeout(deadline);
      socket.destroy();
      act();
    };
    const deadline = setTimeout(() => settle(() => reject(new Error(`nothing answers ${subject}`))), WITHIN_MS);
    socket.on("error", (error) => settle(() => reject(error)));
    let text = "";
    socket.on("data", (data) => {
      text += data.toString("latin1");
      const found = /MSG \S+ 1 (\d+)\r\n/.exec(text);
      if (found === null) return;
      const from = found.index + found[0].length;
      const end = from + Number(found[1]);
      if (text.length >= end) settle(() => resolve(text.slice(from, end)));
    });
    const head = 'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n';
    socket.write(`${head}SUB ${INBOX} 1\r\nPUB ${subject} ${INBOX} ${Buffer.byteLength(body)}\r\n${body}\r\n`);
  });
}
