import { chmod, chown, mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ApiServer } from "./api-server.ts";
import { ContainerConfigError, fieldOf, readTexts } from "./container-environment.ts";
import type { PodObject, VolumeSource } from "./kube-objects.ts";

type Files = Map<string, string>;

/**
 * The volumes of a pod, as folders. What comes from the API changes as a whole, by one rename of a link, as a kubelet does it:
 * `name -> ..data/name`, `..data -> ..TIME`.
 */
export class PodVolumes {
  readonly #api: ApiServer;
  readonly #pod: PodObject;
  readonly #folder: string;
  readonly #shown = new Map<string, string>();
  /** One change at a time. */
  #pending: Promise<void> | null = null;

  constructor(api: ApiServer, pod: PodObject, folder: string) {
    this.#api = api;
    this.#pod = pod;
    this.#folder = folder;
  }

  /** Where a volume is on this machine. */
  pathOf(name: string): string {
    return join(this.#folder, name);
  }

  /** Makes all of them. Throws a {@link ContainerConfigError} for what isn't there. */
  async fill(): Promise<void> {
    for (const volume of this.#pod.spec.volumes ?? []) {
      const path = this.pathOf(volume.name);
      await mkdir(path, { recursive: true });
      if (volume.persistentVolumeClaim !== undefined) {
        throw new ContainerConfigError(`volume ${volume.name}: there are no persistent volumes here`);
      }
      if (volume.emptyDir !== undefined) await chmod(path, 0o777);
      else await this.#show(volume.name, path);
    }
    this.#pending = Promise.resolve();
  }

  /** Shows what is in ConfigMaps and Secrets now. No effect before they are filled. */
  async refresh(): Promise<void> {
    if (this.#pending === null) return;
    this.#pending = this.#pending.then(() => this.#showAll());
    await this.#pending;
  }

  async #showAll(): Promise<void> {
    for (const { name, configMap, secret, projected } of this.#pod.spec.volumes ?? []) {
      if (configMap ?? secret ?? projected) await this.#show(name, this.pathOf(name));
    }
  }

  async #show(name: string, path: string): Promise<void> {
    const volume = (this.#pod.spec.volumes ?? []).find((each) => each.name === name);
    const files: Files = new Map();
    for (const source of volume?.projected?.sources ?? (volume === undefined ? [] : [volume]))
      await this.#read(source, files);
    const content = JSON.stringify([...files]);
    if (this.#shown.get(name) === content) return;
    // A token of a service account is drawn anew with each read.
    if (this.#shown.has(name) && volume?.projected !== undefined) return;
    const group = this.#pod.spec.securityContext?.fsGroup;
    const version = await mkdtemp(join(path, "..v"));
    await chmod(version, 0o755);
    for (const [file, text] of files) {
      const target = join(version, file);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, text, { mode: 0o644 });
      if (group !== undefined) await chown(target, 0, group);
    }
    const before = (await readdir(path)).filter((each) => each.startsWith("..v") && !version.endsWith(each));
    await symlink(version.slice(path.length + 1), join(path, "..new"));
    await rename(join(path, "..new"), join(path, "..data"));
    for (const file of new Set([...files.keys()].map((each) => each.split("/")[0] ?? each))) {
      await rm(join(path, file), { force: true });
      await symlink(join("..data", file), join(path, file));
    }
    for (const each of before) await rm(join(path, each), { recursive: true });
    this.#shown.set(name, content);
  }

  async #read(source: VolumeSource, files: Files): Promise<void> {
    const { namespace, name: podName, uid } = this.#pod.metadata;
    const maps = [
      { kind: "configmaps", of: source.configMap, name: source.configMap?.name },
      { kind: "secrets", of: source.secret, name: source.secret?.secretName ?? source.secret?.name },
    ] as const;
    for (const { kind, of, name } of maps) {
      if (of === undefined || name === undefined) continue;
      const texts = (await readTexts(this.#api, { kind, namespace, name }, of.optional)) ?? {};
      const items = of.items ?? Object.keys(texts).map((key) => ({ key, path: key }));
      for (const { key, path } of items) files.set(path, texts[key] ?? "");
    }
    for (const { path, fieldRef } of source.downwardAPI?.items ?? []) {
      if (fieldRef !== undefined) files.set(path, fieldOf(this.#pod, fieldRef.fieldPath, ""));
    }
    if (source.serviceAccountToken === undefined) return;
    const account = this.#pod.spec.serviceAccountName ?? "default";
    const { status } = await this.#api.post<{ status: { token: string } }>(
      `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: { expirationSeconds: 3600, boundObjectRef: { apiVersion: "v1", kind: "Pod", name: podName, uid } },
      },
    );
    files.set(source.serviceAccountToken.path, status.token);
  }
}
