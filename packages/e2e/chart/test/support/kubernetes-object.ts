/** An object of Kubernetes, as far as tests look into it. What is in `spec` they ask by {@link at}. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

/** What is at a path of keys and indexes, `spec.template.spec.containers.0.args`; undefined where nothing is. */
export function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((current, key) => {
    return typeof current === "object" && current !== null ? Reflect.get(current, key) : undefined;
  }, value);
}

/** The list at a path; empty where there is none. */
export function listAt(value: unknown, path: string): readonly unknown[] {
  const list = at(value, path);
  return Array.isArray(list) ? list : [];
}
