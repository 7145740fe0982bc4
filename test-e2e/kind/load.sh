#!/usr/bin/env bash
# Loads an image of the Docker engine into all nodes of the kind cluster: `load.sh IMAGE`.
set -euo pipefail

image=${1:?usage: load.sh IMAGE}
kind load docker-image --name dynakv-e2e "$image" >&2
