import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { render } from "./support/chart.ts";
import { at, type KubernetesObject } from "./support/kubernetes-object.ts";
import type { RenderedChart } from "./support/rendered-chart.ts";

const graceSeconds = (chart: RenderedChart, component: string): number =>
  Number(at(chart.get("Deployment", `carillon-${component}`), "spec.template.spec.terminationGracePeriodSeconds"));

function rollout(deployment: KubernetesObject) {
  const number = (path: string) => Number(at(deployment, path));
  return {
    grace: number("spec.template.spec.terminationGracePeriodSeconds"),
    minReady: number("spec.minReadySeconds"),
    deadline: number("spec.progressDeadlineSeconds"),
  };
}

describe("times that follow from the drain", () => {
  test("with the defaults: 10 seconds to be noticed, 60 to go, 15 for the end", async () => {
    const chart = await render();
    expect(rollout(chart.get("Deployment", "carillon-gateway"))).toEqual({ grace: 85, minReady: 10, deadline: 395 });
    expect(at(chart.get("Deployment", "carillon-gateway"), "spec.strategy.rollingUpdate")).toEqual({
      maxUnavailable: 0,
      maxSurge: "100%",
    });
  });

  test("whatever the drain: the process ends before it is killed, and a slow rollout is no failed one", async () => {
    const drains = fc.record({
      delaySeconds: fc.integer({ min: 5, max: 600 }),
      spreadSeconds: fc.integer({ min: 0, max: 3600 }),
    });
    await fc.assert(
      fc.asyncProperty(drains, async (drain) => {
        const chart = await render({ gateway: { drain } });
        for (const { kind, metadata } of chart.objects) {
          if (kind !== "Deployment") continue;
          const { grace, minReady, deadline } = rollout(chart.get(kind, metadata.name));
          expect(minReady).toBeGreaterThanOrEqual(metadata.name.endsWith("envoy") ? 10 : drain.delaySeconds);
          // The API server refuses a deadline that isn't longer.
          expect(deadline).toBeGreaterThan(minReady + grace);
        }
        expect(graceSeconds(chart, "gateway")).toBe(drain.delaySeconds + drain.spreadSeconds + 15);
        expect(graceSeconds(chart, "publisher")).toBeGreaterThan(drain.delaySeconds + 15);
        expect(chart.file("carillon", "carillon.yaml")).toContain(`spreadSeconds: ${drain.spreadSeconds}\n`);
        expect(chart.file("carillon", "carillon.yaml")).toContain(`delaySeconds: ${drain.delaySeconds}\n`);
      }),
      { numRuns: 12 },
    );
  });

  test.each([
    [10, 10 + 10 + 15],
    ["120s", 10 + 120 + 15],
    ["2m", 10 + 120 + 15],
    ["90", 10 + 90 + 15],
  ])("a webhook worker is given the time of its longest request: %s", async (timeoutSeconds, expected) => {
    expect(graceSeconds(await render({ config: { webhooks: { timeoutSeconds } } }), "webhooks")).toBe(expected);
  });

  test("Envoy serves on for its own time before it ends", async () => {
    const chart = await render({ loadBalancer: { envoy: { drainSeconds: 600 } } });
    const envoy = chart.get("Deployment", "carillon-envoy");
    expect(at(envoy, "spec.template.spec.containers.0.lifecycle.preStop")).toEqual({ sleep: { seconds: 600 } });
    expect(rollout(envoy)).toMatchObject({ grace: 615, deadline: 910 });
  });

  test("Envoy serves on until its clients were asked to come back, and those asked again who came meanwhile", async () => {
    const drain = { delaySeconds: 30, spreadSeconds: 300 };
    const envoy = (await render({ loadBalancer: { envoy: { drain } } })).get("Deployment", "carillon-envoy");
    expect(at(envoy, "spec.template.spec.containers.0.lifecycle.preStop")).toEqual({ sleep: { seconds: 355 } });
    expect(rollout(envoy)).toMatchObject({ grace: 370, deadline: 665 });
    expect(at(envoy, "spec.template.spec.containers.1")).toMatchObject({
      name: "drain",
      args: expect.arrayContaining([
        "drain",
        "--on-sigterm",
        "--via",
        "$(POD_IPS)",
        "--delay",
        "30",
        "--spread",
        "300",
      ]),
      env: [{ name: "POD_IPS", valueFrom: { fieldRef: { fieldPath: "status.podIPs" } } }],
    });
    const off = (await render({ loadBalancer: { envoy: { drain: { ...drain, enabled: false } } } })).get(
      "Deployment",
      "carillon-envoy",
    );
    expect(at(off, "spec.template.spec.containers")).toHaveLength(1);
    expect(rollout(off)).toMatchObject({ grace: 135 });
  });

  test("an autoscaler takes one gateway in the time of a drain, and no more", async () => {
    const autoscaling = { enabled: true };
    const chart = await render({ gateway: { autoscaling, drain: { delaySeconds: 30, spreadSeconds: 300 } } });
    expect(at(chart.get("HorizontalPodAutoscaler", "carillon-gateway"), "spec.behavior.scaleDown")).toEqual({
      stabilizationWindowSeconds: 600,
      policies: [{ type: "Pods", value: 1, periodSeconds: 345 }],
    });
    // Kubernetes takes no longer periods.
    const long = await render({ gateway: { autoscaling, drain: { spreadSeconds: 3600 } } });
    const policy = "spec.behavior.scaleDown.policies.0.periodSeconds";
    expect(at(long.get("HorizontalPodAutoscaler", "carillon-gateway"), policy)).toBe(1800);
  });
});
