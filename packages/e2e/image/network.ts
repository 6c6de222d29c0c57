import { run } from "./files.ts";

/** What a command of a build needs to reach npm's registry as this machine does: a builder passes such things on as well. */
export async function networkOf(): Promise<{
  readonly env: Readonly<Record<string, string>>;
  readonly binds: Readonly<Record<string, string>>;
}> {
  const { stdout } = await run("npm", ["config", "get", "registry"]);
  const authorities = process.env["NODE_EXTRA_CA_CERTS"] ?? process.env["SSL_CERT_FILE"];
  const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].flatMap((name) => {
    const value = process.env[name] ?? process.env[name.toLowerCase()];
    return value === undefined ? [] : [[name, value]];
  });
  const env = { npm_config_registry: stdout.trim(), ...Object.fromEntries(proxies) };
  if (authorities === undefined || authorities === "") return { env, binds: {} };
  return {
    env: { ...env, NODE_EXTRA_CA_CERTS: "/mnt/authorities.pem" },
    binds: { "/mnt/authorities.pem": authorities },
  };
}
