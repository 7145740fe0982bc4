#!/usr/bin/env bash
# Prints the path of the kind cluster's kubeconfig if it runs and answers, else nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

kubeconfig=../../out/e2e/kind.kubeconfig
if command -v kind >/dev/null && kind get clusters 2>/dev/null | grep -qx dynakv-e2e &&
  [[ -f $kubeconfig ]] &&
  kubectl --kubeconfig "$kubeconfig" --request-timeout 10s get --raw /readyz >/dev/null 2>&1; then
  realpath "$kubeconfig"
fi
