import type { ApiServer } from "./api-server.ts";
import { ApiError } from "./api-server.ts";
import type { ContainerSpec, EnvironmentVariable, PodObject } from "./kube-objects.ts";
import { ADDRESSES } from "./sandbox.ts";

/** Whose environment it is. */
export interface EnvironmentOptions {
  readonly api: ApiServer;
  readonly pod: PodObject;
  readonly container: ContainerSpec;
  readonly podAddress: string;
}

/** What a container has to be told is missing. Its reason is what Kubernetes shows. */
export class ContainerConfigError extends Error {
  readonly reason = "CreateContainerConfigError";
}

type Data = Readonly<Record<string, string>>;

/** The texts in a ConfigMap or a Secret, decoded; null where an optional one isn't there. */
export async function readTexts(
  api: ApiServer,
  of: { readonly kind: "configmaps" | "secrets"; readonly namespace: string; readonly name: string },
  isOptional = false,
): Promise<Data | null> {
  try {
    const { data = {} } = await api.get<{ data?: Data }>(`/api/v1/namespaces/${of.namespace}/${of.kind}/${of.name}`);
    if (of.kind === "configmaps") return data;
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]),
    );
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    if (isOptional) return null;
    throw new ContainerConfigError(`${of.kind} "${of.name}" not found`, { cause: error });
  }
}

/** A field of a pod, as `fieldRef` names it. */
export function fieldOf({ metadata, spec }: PodObject, path: string, podAddress: string): string {
  const [, map, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? [];
  if (key !== undefined) return (map === "labels" ? metadata.labels : metadata.annotations)?.[key] ?? "";
  const fields: Readonly<Record<string, string | undefined>> = {
    "metadata.name": metadata.name,
    "metadata.namespace": metadata.namespace,
    "metadata.uid": metadata.uid,
    "spec.nodeName": spec.nodeName,
    "spec.serviceAccountName": spec.serviceAccountName,
    "status.podIP": podAddress,
    "status.podIPs": podAddress,
    "status.hostIP": ADDRESSES.apiServer,
  };
  return fields[path] ?? "";
}

/** Everything that a container's process finds in its environment, apart from PATH. */
export async function environmentOf(options: EnvironmentOptions): Promise<Record<string, string>> {
  const { api, pod, container } = options;
  const { namespace } = pod.metadata;
  const environment: Record<string, string> = { HOSTNAME: pod.metadata.name, HOME: "/" };
  for (const { prefix = "", secretRef, configMapRef } of container.envFrom ?? []) {
    const kind = secretRef === undefined ? "configmaps" : "secrets";
    const reference = secretRef ?? configMapRef;
    if (reference === undefined) continue;
    const texts = await readTexts(api, { kind, namespace, name: reference.name }, reference.optional);
    for (const [key, value] of Object.entries(texts ?? {})) environment[prefix + key] = value;
  }
  for (const variable of container.env ?? []) {
    const value = await variableText(variable, options, environment);
    if (value !== null) environment[variable.name] = value;
  }
  return environment;
}

async function variableText(
  variable: EnvironmentVariable,
  options: EnvironmentOptions,
  known: Data,
): Promise<string | null> {
  const { value, valueFrom: from } = variable;
  if (from === undefined) return expand(value ?? "", known);
  const { api, pod, container, podAddress } = options;
  if (from.fieldRef !== undefined) return fieldOf(pod, from.fieldRef.fieldPath, podAddress);
  if (from.resourceFieldRef !== undefined) {
    const { resource, divisor } = from.resourceFieldRef;
    const [kind = "", name = ""] = resource.split(".");
    const amount = quantity(container.resources?.[kind]?.[name] ?? (name === "cpu" ? "2" : "4Gi"));
    return String(Math.ceil(amount / (quantity(divisor ?? "1") || 1)));
  }
  const kind = from.secretKeyRef === undefined ? "configmaps" : "secrets";
  const reference = from.secretKeyRef ?? from.configMapKeyRef;
  if (reference === undefined) return null;
  const texts = await readTexts(
    api,
    { kind, namespace: pod.metadata.namespace, name: reference.name },
    reference.optional,
  );
  const text = texts?.[reference.key];
  if (text === undefined && reference.optional !== true) {
    throw new ContainerConfigError(`there is no key ${reference.key} in ${kind} "${reference.name}"`);
  }
  return text ?? null;
}

/** `$(NAME)` becomes what NAME is; an unknown name stays as it is. */
export function expand(text: string, environment: Data): string {
  return text.replace(/\$\((\w+)\)/g, (whole, name: string) => environment[name] ?? whole);
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["m", 1e-3],
  ["k", 1e3],
  ["M", 1e6],
  ["G", 1e9],
  ["Ki", 1024],
  ["Mi", 1024 ** 2],
  ["Gi", 1024 ** 3],
]);

function quantity(text: string): number {
  const [, digits = "0", unit = ""] = /^([\d.]+)(\w*)$/.exec(text) ?? [];
  return Number(digits) * (UNITS.get(unit) ?? 0);
}
