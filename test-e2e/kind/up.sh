#!/usr/bin/env bash
# Creates the kind cluster and prints the path of its kubeconfig. KIND_NODE_IMAGE= chooses the
# Kubernetes version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

name=dynakv-e2e
kubeconfig=../../out/e2e/kind.kubeconfig

for program in kind kubectl; do
  command -v "$program" >/dev/null || {
    echo "Cannot create a kind cluster: $program is not in PATH (https://kind.sigs.k8s.io)" >&2
    exit 1
  }
done
mkdir -p "$(dirname "$kubeconfig")"
image=()
[[ -z ${KIND_NODE_IMAGE:-} ]] || image=(--image "$KIND_NODE_IMAGE")
kind create cluster --name "$name" --config config.yaml --kubeconfig "$kubeconfig" "${image[@]}" \
  --wait 120s >&2
realpath "$kubeconfig"
