import { readFile } from "node:fs/promises";
import { checkNatsAuth, type NatsAuth, type NatsTlsSettings } from "@carillon/nats";
import { ConfigError, type NatsConfig, type NatsCredentials, type NatsTls } from "@carillon/service";

type Settings = Pick<NatsConfig, "credentials" | "tls">;

/**
 * What a process shows to NATS, and whom it trusts there. Each connect asks anew, so what is read again counts from the next one
 * on: a password that was rotated, a certificate that was renewed.
 */
export class NatsSecrets {
  #auth: NatsAuth | null;
  #tls: NatsTlsSettings | null;

  private constructor(auth: NatsAuth | null, tls: NatsTlsSettings | null) {
    this.#auth = auth;
    this.#tls = tls;
  }

  /** Reads the files that the settings name. Rejects with ConfigError when one can't be read, or holds no such thing. */
  static async read({ credentials, tls }: Settings): Promise<NatsSecrets> {
    return new NatsSecrets(await authOf(credentials), await tlsOf(tls));
  }

  /** null: nothing is shown. */
  get auth(): NatsAuth | null {
    return this.#auth;
  }

  /** null: there is no TLS. */
  get tls(): NatsTlsSettings | null {
    return this.#tls;
  }

  /** Reads them again. Rejects as {@link NatsSecrets.read}; then all stays as it was. */
  async reload({ credentials, tls }: Settings): Promise<void> {
    const [auth, settings] = [await authOf(credentials), await tlsOf(tls)];
    this.#auth = auth;
    // A connection that began without can't come to have it.
    if (this.#tls !== null && settings !== null) this.#tls = settings;
  }
}

async function authOf({ user, password, token, nkeySeed, credsFile }: NatsCredentials): Promise<NatsAuth | null> {
  if (user !== null) return { kind: "user", user, password: password ?? "" };
  if (token !== null) return { kind: "token", token };
  if (nkeySeed !== null) return checked("nats.credentials.nkeySeed", { kind: "nkey", seed: nkeySeed });
  if (credsFile === null) return null;
  const content = await read("nats.credentials.credsFile", credsFile);
  return checked("nats.credentials.credsFile", { kind: "creds", content });
}

async function tlsOf({ caFile, certFile, keyFile, handshakeFirst }: NatsTls): Promise<NatsTlsSettings | null> {
  if (caFile === null && certFile === null && keyFile === null && !handshakeFirst) return null;
  return {
    handshakeFirst,
    ...(caFile === null ? {} : { ca: await read("nats.tls.caFile", caFile) }),
    ...(certFile === null ? {} : { cert: await read("nats.tls.certFile", certFile) }),
    ...(keyFile === null ? {} : { key: await read("nats.tls.keyFile", keyFile) }),
  };
}

function checked(path: string, auth: NatsAuth): NatsAuth {
  try {
    checkNatsAuth(auth);
    return auth;
  } catch (error) {
    const message = error instanceof Error ? error.message : "it is not valid";
    throw new ConfigError("config_invalid", [{ path, where: "", message }]);
  }
}

async function read(path: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    throw new ConfigError("config_unreadable", [{ path, where: file, message: `the file can't be read (${reason})` }]);
  }
}
