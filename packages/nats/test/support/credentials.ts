import { randomUUID } from "node:crypto";
import { nkeys } from "nats";

type KeyPair = ReturnType<typeof nkeys.createUser>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** An operator with one account and one user: the server's configuration, and the user's `.creds` file. */
export function operatorSetup(): { readonly config: Record<string, unknown>; readonly creds: string } {
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
  const operatorJwt = token(operator, operator.getPublicKey(), { type: "operator", version: 2 });
  const limits = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const accountJwt = token(operator, account.getPublicKey(), { type: "account", version: 2, limits });
  const userJwt = token(account, user.getPublicKey(), { type: "user", version: 2, subs: -1, data: -1, payload: -1 });
  const seed = decoder.decode(user.getSeed());
  return {
    config: { operator: operatorJwt, resolver: "MEMORY", resolver_preload: { [account.getPublicKey()]: accountJwt } },
    creds: [
      "-----BEGIN NATS USER JWT-----",
      userJwt,
      "------END NATS USER JWT------",
      "",
      "-----BEGIN USER NKEY SEED-----",
      seed,
      "------END USER NKEY SEED------",
      "",
    ].join("\n"),
  };
}

function token(issuer: KeyPair, subject: string, nats: Record<string, unknown>): string {
  const claims = {
    jti: randomUUID(),
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    name: "test",
    sub: subject,
    nats,
  };
  const head = encoded({ typ: "JWT", alg: "ed25519-nkey" });
  const signed = `${head}.${encoded(claims)}`;
  return `${signed}.${Buffer.from(issuer.sign(encoder.encode(signed))).toString("base64url")}`;
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
