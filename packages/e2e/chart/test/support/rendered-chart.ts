import { parseAllDocuments } from "yaml";
import { at, type KubernetesObject } from "./kubernetes-object.ts";

/** A pod that a chart makes, by whatever kind of object. */
export interface RenderedPod {
  readonly owner: string;
  /** Labels and annotations. */
  readonly metadata: unknown;
  readonly spec: unknown;
}

/** What Helm made of the chart. */
export class RenderedChart {
  readonly text: string;
  readonly objects: readonly KubernetesObject[];

  constructor(text: string) {
    this.text = text;
    this.objects = parseAllDocuments(text)
      .map((document) => document.toJS() as KubernetesObject | null)
      .filter((object) => object !== null);
  }

  /** `Deployment/carillon-gateway` and so on, in order. */
  get names(): string[] {
    return this.objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort();
  }

  /** The object of that kind and name. Throws when there is none. */
  get(kind: string, name: string): KubernetesObject {
    const found = this.find(kind, name);
    if (found === undefined) throw new Error(`there is no ${kind} ${name}, but ${this.names.join(", ")}`);
    return found;
  }

  find(kind: string, name: string): KubernetesObject | undefined {
    return this.objects.find((object) => object.kind === kind && object.metadata.name === name);
  }

  /** Every pod, also those of hooks. */
  get pods(): readonly RenderedPod[] {
    return this.objects.flatMap((object) => {
      const owner = `${object.kind}/${object.metadata.name}`;
      if (object.kind === "Pod") return [{ owner, metadata: object.metadata, spec: object.spec }];
      const template = at(object, "spec.template");
      if (template === undefined) return [];
      return [{ owner, metadata: at(template, "metadata"), spec: at(template, "spec") }];
    });
  }

  /** A file of a ConfigMap. Throws when there is none. */
  file(configMap: string, name: string): string {
    const text = this.get("ConfigMap", configMap).data?.[name];
    if (text === undefined) throw new Error(`ConfigMap ${configMap} has no ${name}`);
    return text;
  }
}
