import { basename } from "node:path";
import { describe, expect, test } from "vitest";
import { helm, KUBERNETES_VERSIONS, renderWith, valuesFiles } from "./support/chart.ts";
import { conform } from "./support/kubeconform.ts";
import { at, listAt } from "./support/kubernetes-object.ts";
import { violations } from "./support/pod-security.ts";

const files = await valuesFiles();

test("there are enough examples of values to mean something", () => {
  expect(files.length).toBeGreaterThanOrEqual(8);
});

test("the chart passes `helm lint --strict` without any values", async () => {
  expect(await helm("lint", {})).toMatchObject({ code: 0 });
});

describe.each(files.map((file) => ({ name: basename(file, "-values.yaml"), file })))("ci/$name", ({ file }) => {
  test("passes `helm lint --strict`", async () => {
    expect(await helm("lint", { files: [file] })).toMatchObject({ code: 0 });
  });

  test.each(KUBERNETES_VERSIONS)("is what Kubernetes %s and the CRDs know, and nothing else", async (version) => {
    const { text, objects } = await renderWith({ files: [file], kubernetesVersion: version });
    expect(await conform(text, version)).toEqual({ valid: objects.length, problems: [] });
  });

  test("is rendered to the same bytes each time: an upgrade without changes changes nothing", async () => {
    const [first, second] = await Promise.all([renderWith({ files: [file] }), renderWith({ files: [file] })]);
    expect(second.text).toBe(first.text);
  });

  test("no two objects have the same name, and each has the release's namespace", async () => {
    const { names, objects } = await renderWith({ files: [file] });
    expect(new Set(names).size).toBe(names.length);
    for (const { kind, metadata } of objects.filter(({ metadata }) => metadata.labels !== undefined)) {
      expect({ kind, namespace: metadata.namespace }).toEqual({ kind, namespace: "default" });
    }
  });

  test('every pod keeps Pod Security\'s "restricted", its root file system unwritten, and has no token', async () => {
    const { pods } = await renderWith({ files: [file] });
    for (const pod of pods) {
      expect({ pod: pod.owner, violations: violations(pod) }).toEqual({ pod: pod.owner, violations: [] });
      expect(pod.spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
      // The first container is the chart's own; others are whatever a user adds.
      expect(at(pod.spec, "containers.0.securityContext.readOnlyRootFilesystem")).toBe(true);
      expect(Number(at(pod.spec, "securityContext.runAsUser"))).toBeGreaterThan(0);
    }
  });

  test("every selector selects exactly the pods of its component", async () => {
    const { objects, pods } = await renderWith({ files: [file] });
    const selectors = objects.flatMap((object) => {
      const direct = object.kind === "Service" ? at(object, "spec.selector") : at(object, "spec.selector.matchLabels");
      return direct === undefined || at(object, "spec.selector.matchExpressions") !== undefined
        ? []
        : [{ owner: `${object.kind}/${object.metadata.name}`, selector: direct as Record<string, string> }];
    });
    expect(selectors.length).toBeGreaterThan(0);
    for (const { owner, selector } of selectors) {
      const selected = pods.filter(({ metadata }) =>
        Object.entries(selector).every(([key, value]) => (at(metadata, "labels") as never)[key] === value),
      );
      expect({ owner, count: selected.length }).toEqual({ owner, count: 1 });
    }
  });

  test("every volume that is mounted is there, and every port that something refers to", async () => {
    const { pods, objects } = await renderWith({ files: [file] });
    for (const { owner, spec } of pods) {
      const volumes = listAt(spec, "volumes").map((volume) => at(volume, "name"));
      const mounted = listAt(spec, "containers.0.volumeMounts").map((mount) => at(mount, "name"));
      const claimed = listAt(
        objects.find(({ kind }) => kind === "StatefulSet"),
        "spec.volumeClaimTemplates",
      );
      const all = [
        ...volumes,
        ...(owner.startsWith("StatefulSet") ? claimed.map((each) => at(each, "metadata.name")) : []),
      ];
      expect({ owner, missing: mounted.filter((name) => !all.includes(name)) }).toEqual({ owner, missing: [] });
      const ports = listAt(spec, "containers.0.ports").map((port) => at(port, "name"));
      for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) {
        const port = at(spec, `containers.0.${probe}.httpGet.port`);
        if (port !== undefined) expect(ports).toContain(port);
      }
    }
  });
});
