#!/usr/bin/env bash
# Makes go.mod and go.sum for another version of Kubernetes: update.sh 1.37.2
#
# Kubernetes is not meant to be imported: its go.mod replaces its own parts by folders beside it. Those parts are published as
# modules as well, so each replacement becomes the published module of the same version.
set -euo pipefail
cd "$(dirname "$0")"
version=${1:?usage: update.sh VERSION, such as 1.37.2}
parts=v0.${version#1.}
go mod download "k8s.io/kubernetes@v$version"
upstream=$(go env GOMODCACHE)/k8s.io/kubernetes@v$version/go.mod
{
  echo "module carillon.example/control-plane"
  echo
  grep -E '^(go|godebug) ' "$upstream"
  echo
  echo "require ("
  echo "	k8s.io/kubernetes v$version"
  awk '/^require \(/{inside=1;next} /^\)/{inside=0} inside' "$upstream" | sed -E "s#^(\tk8s.io/[a-z0-9-]+) v0\.0\.0\$#\1 $parts#"
  echo ")"
  echo
  echo "replace ("
  awk '/^replace \(/{inside=1;next} /^\)/{inside=0} inside' "$upstream" | sed -E "s#=> \./staging/src/(k8s.io/[a-z0-9-]+)#=> \1 $parts#"
  echo ")"
} >go.mod
rm -f go.sum
go mod tidy
