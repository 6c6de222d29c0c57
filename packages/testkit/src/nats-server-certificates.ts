import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A certificate and its key, as files (for nats-server) and as PEM text (for clients). */
export interface TestCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** What to put into the certificates. */
export interface NatsTestCertificatesOptions {
  /** Whom the server's certificate is for. Default `DNS:localhost` and `IP:127.0.0.1`. */
  readonly serverNames?: readonly string[];
}

/**
 * An authority of its own and what it signed, made with the `openssl` binary in a temporary folder.
 *
 * @example
 * await using certificates = await NatsTestCertificates.create();
 */
export class NatsTestCertificates {
  readonly #folder: string;
  /** The authority's certificate. */
  readonly caFile: string;
  readonly ca: string;
  /** For the server. */
  readonly server: TestCertificate;
  /** For a client. */
  readonly client: TestCertificate;

  private constructor(folder: string, ca: TestCertificate, server: TestCertificate, client: TestCertificate) {
    this.#folder = folder;
    this.caFile = ca.certFile;
    this.ca = ca.cert;
    this.server = server;
    this.client = client;
  }

  /** Makes them; takes some tens of milliseconds. Needs `openssl` on the PATH. */
  static async create(options: NatsTestCertificatesOptions = {}): Promise<NatsTestCertificates> {
    const { serverNames = ["DNS:localhost", "IP:127.0.0.1"] } = options;
    const folder = await mkdtemp(join(tmpdir(), "carillon-certificates-"));
    try {
      await openssl(folder, [
        "req",
        "-x509",
        ...newKey("ca"),
        "-out",
        "ca.pem",
        "-days",
        "2",
        "-subj",
        "/CN=Carillon test",
      ]);
      await sign(folder, "server", `subjectAltName=${serverNames.join()}`);
      await sign(folder, "client", "subjectAltName=DNS:client");
      const [ca, server, client] = await Promise.all([
        read(folder, "ca"),
        read(folder, "server"),
        read(folder, "client"),
      ]);
      return new NatsTestCertificates(folder, ca, server, client);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function newKey(name: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", `${name}.key`];
}

async function sign(folder: string, name: string, extension: string): Promise<void> {
  await writeFile(join(folder, `${name}.ext`), extension);
  await openssl(folder, ["req", ...newKey(name), "-out", `${name}.csr`, "-subj", `/CN=${name}`]);
  const authority = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  const files = ["-in", `${name}.csr`, "-out", `${name}.pem`, "-extfile", `${name}.ext`];
  await openssl(folder, ["x509", "-req", ...files, ...authority, "-days", "2"]);
}

async function openssl(folder: string, args: string[]): Promise<void> {
  await run("openssl", args, { cwd: folder });
}

async function read(folder: string, name: string): Promise<TestCertificate> {
  const certFile = join(folder, `${name}.pem`);
  const keyFile = join(folder, `${name}.key`);
  const [cert, key] = await Promise.all([readFile(certFile, "utf8"), readFile(keyFile, "utf8")]);
  return { certFile, keyFile, cert, key };
}
