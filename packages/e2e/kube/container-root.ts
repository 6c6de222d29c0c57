import { ContainerConfigError } from "./container-environment.ts";
import { APPLICATION, EXECUTABLES, localImage } from "./image-table.ts";
import type { ContainerSpec, PodObject } from "./kube-objects.ts";
import { REPOSITORY, sandboxFolder } from "./sandbox.ts";
import { quoted } from "./shell.ts";

/** What a container's file system is made of. */
export interface RootOptions {
  readonly pod: PodObject;
  readonly container: ContainerSpec;
  /** An empty folder, the container's alone. */
  readonly folder: string;
  readonly resolverFile: string;
  readonly volumePath: (name: string) => string;
  readonly command: readonly string[];
}

const SYSTEM = ["usr", "bin", "sbin", "lib", "lib64"];
const SETTINGS = ["ssl", "alternatives", "ld.so.cache", "ca-certificates"];

/**
 * Lines for bash, inside of mounts of its own: build a root of what the machine has to read, and nothing that can be written but
 * volumes; then become the container's user, without capabilities, and its command. Root or not, read-only or not, as the pod
 * says. Throws where the pod wants a non-root user and the image has none.
 */
export function rootScript({ pod, container, folder, resolverFile, volumePath, command }: RootOptions): string {
  const security = { ...pod.spec.securityContext, ...container.securityContext };
  const user = security.runAsUser ?? localImage(container.image).user;
  const group = security.runAsGroup ?? user;
  if (security.runAsNonRoot === true && user === 0) {
    throw new ContainerConfigError("container has runAsNonRoot and image will run as root");
  }
  const mounts = (container.volumeMounts ?? []).flatMap(({ name, mountPath, subPath, readOnly }) => {
    const source = subPath === undefined ? volumePath(name) : `${volumePath(name)}/${subPath}`;
    return [
      `attach ${quoted(source)} ${quoted(`${folder}${mountPath}`)}`,
      ...(readOnly === true ? [`mount -o remount,bind,ro ${quoted(`${folder}${mountPath}`)}`] : []),
    ];
  });
  const identity = `--reuid=${user} --regid=${group} ${groupsOf(security.fsGroup)} --no-new-privs --bounding-set=-all`;
  return `set -euo pipefail
attach() {
  if [[ -d $1 ]]; then mkdir -p "$2"; else mkdir -p "$(dirname "$2")"; touch "$2"; fi
  mount --rbind "$1" "$2"
}
mount -t tmpfs -o mode=755 root ${folder}
for name in ${SYSTEM.join(" ")}; do
  if [[ -L /$name ]]; then cp -P "/$name" ${folder}/; elif [[ -d /$name ]]; then attach "/$name" "${folder}/$name"; fi
done
for name in ${SETTINGS.join(" ")}; do if [[ -e /etc/$name ]]; then attach "/etc/$name" "${folder}/etc/$name"; fi; done
attach /proc ${folder}/proc
attach /dev ${folder}/dev
attach ${quoted(REPOSITORY)} ${folder}${APPLICATION}
attach ${sandboxFolder()}/bin ${folder}${EXECUTABLES}
attach ${quoted(resolverFile)} ${folder}/etc/resolv.conf
printf 'root:x:0:0::/:/bin/sh\\napp:x:${user}:${group}::/:/bin/sh\\n' >${folder}/etc/passwd
printf '127.0.0.1 localhost\\n' >${folder}/etc/hosts
mkdir -m 1777 ${folder}/tmp
${mounts.join("\n")}
${security.readOnlyRootFilesystem === true ? `mount -o remount,ro ${folder}` : ""}
cd /
exec chroot ${folder} setpriv ${identity} -- env --chdir=${quoted(container.workingDir ?? "/")} ${command.map(quoted).join(" ")}
`;
}

function groupsOf(fsGroup: number | undefined): string {
  return fsGroup === undefined ? "--clear-groups" : `--groups=${fsGroup}`;
}
