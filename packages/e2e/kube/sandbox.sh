#!/usr/bin/env bash
# Runs a command, such as the tests of the chart on a cluster, in namespaces of its own:
#
#   network    the addresses of pods and services exist nowhere else
#   mounts     /run is empty and private: names of network namespaces, roots of containers, certificates
#   processes  whatever the command started ends with it, even if it is killed
#
# So nothing is left behind, and nothing of the machine is touched.
set -euo pipefail

fail() {
  echo "the tests on a cluster can't run here: $1" >&2
  exit 1
}

[[ $(uname -s) == Linux ]] || fail "they need Linux, as pods are network namespaces"
[[ $(id -u) == 0 ]] || fail "they need root, to make network namespaces: run them with sudo"
for tool in ip unshare nsenter setpriv chroot mount openssl; do
  command -v "$tool" >/dev/null || fail "$tool is missing (Debian: iproute2, util-linux, coreutils, mount, openssl)"
done
for tool in kubectl; do
  command -v "$tool" >/dev/null || fail "$tool is missing: install it, or put it on the PATH"
done
unshare --net --mount --pid --fork true 2>/dev/null ||
  fail "making namespaces is forbidden, as it is in a container without privileges"
ip link show type bridge >/dev/null 2>&1 || fail "the kernel has no bridges"

exec unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private bash -c '
  set -euo pipefail
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir /run/netns /run/carillon-kube
  ip link set lo up
  sysctl -qw net.ipv4.ip_forward=1
  export CARILLON_KUBE_SANDBOX=/run/carillon-kube
  # Not exec: whoever is the first process has to collect the orphans of others, which bash does.
  "$@"
  exit $?
' sandbox "$@"
