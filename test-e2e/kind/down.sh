#!/usr/bin/env bash
# Deletes the kind cluster; without one nothing happens.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if command -v kind >/dev/null; then
  kind delete cluster --name dynakv-e2e >&2
fi
rm -f ../../out/e2e/kind.kubeconfig
