import { writeFile } from "node:fs/promises";
import { shell } from "./shell.ts";

const NAMES =
  "IP:10.0.0.1,IP:127.0.0.1,IP:10.96.0.1,IP:10.96.0.50,DNS:kubernetes,DNS:kubernetes.default.svc,DNS:custom-metrics.kube-system.svc";

/**
 * Makes what the control plane proves itself with, as files in `folder`: `ca.crt` and `ca.key`, `server.crt` and `server.key`
 * of the API server and of the custom metrics API, and `accounts.key`, which signs the tokens of service accounts.
 */
export async function makeCertificates(folder: string): Promise<void> {
  await writeFile(`${folder}/names.txt`, `subjectAltName=${NAMES}`);
  await shell(`
    cd ${folder}
    exec 2>openssl.log
    openssl genrsa -out accounts.key 2048
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=cluster -keyout ca.key -out ca.crt
    openssl req -newkey rsa:2048 -nodes -subj /CN=kube-apiserver -keyout server.key -out server.csr
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out server.crt -extfile names.txt
  `);
}
