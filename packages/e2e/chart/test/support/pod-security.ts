import { at, listAt } from "./kubernetes-object.ts";
import type { RenderedPod } from "./rendered-chart.ts";

/** Sysctls that Pod Security's "restricted" lets pods set. */
const SAFE_SYSCTLS = [
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.ping_group_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
];

const VOLUMES = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

/** What of Pod Security's "restricted" a pod doesn't keep. */
export function violations({ spec }: RenderedPod): string[] {
  const problems: string[] = [];
  const expectAt = (where: unknown, path: string, value: unknown, who: string) => {
    const found = at(where, path);
    if (JSON.stringify(found) !== JSON.stringify(value)) problems.push(`${who}: ${path} is ${JSON.stringify(found)}`);
  };
  for (const member of ["hostNetwork", "hostPID", "hostIPC"]) expectAt(spec, member, undefined, "pod");
  expectAt(spec, "securityContext.runAsNonRoot", true, "pod");
  expectAt(spec, "securityContext.seccompProfile.type", "RuntimeDefault", "pod");
  for (const sysctl of listAt(spec, "securityContext.sysctls")) {
    if (!SAFE_SYSCTLS.includes(String(at(sysctl, "name")))) problems.push(`pod: sysctl ${String(at(sysctl, "name"))}`);
  }
  for (const container of [...listAt(spec, "initContainers"), ...listAt(spec, "containers")]) {
    const who = String(at(container, "name"));
    expectAt(container, "securityContext.allowPrivilegeEscalation", false, who);
    expectAt(container, "securityContext.capabilities.drop", ["ALL"], who);
    expectAt(container, "securityContext.capabilities.add", undefined, who);
    expectAt(container, "securityContext.privileged", undefined, who);
    for (const port of listAt(container, "ports")) expectAt(port, "hostPort", undefined, who);
  }
  for (const volume of listAt(spec, "volumes")) {
    const kinds = Object.keys(volume as object).filter((key) => key !== "name");
    if (!kinds.every((kind) => VOLUMES.includes(kind))) problems.push(`volume of kind ${kinds.join()}`);
  }
  return problems;
}
