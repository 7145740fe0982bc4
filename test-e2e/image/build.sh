#!/usr/bin/env bash
# Builds the image `docker.io/dynakv/dynakv:TAG` of `dist` with Docker, or with Podman where no
# Docker engine answers, and prints its name. An image of the same content is left as it is.
#
#   IMAGE_TAG=      default: the version of package.json
#   IMAGE_VERSION=  what the programs say of themselves, if not that version
#   IMAGE_RENDERER= what its operator says of its renderer of pods, if not what it is
#   IMAGE_BASE=     default: the official Node 24 image with Docker, one of Debian packages with Podman
#   IMAGE_FLAVOUR=  a label; `release` unless told otherwise
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
  echo "Cannot build the image: $1" >&2
  exit 1
}

if command -v docker >/dev/null && timeout 10 docker version >/dev/null 2>&1; then
  engine=docker
  base=${IMAGE_BASE:-node:24-bookworm-slim}
elif command -v podman >/dev/null; then
  engine=podman
  base=${IMAGE_BASE:-$(test-e2e/image/base.sh)}
else
  fail 'no Docker engine answers and there is no podman; test-e2e/local/packages.sh installs it'
fi

own_version=$(sed -n -E 's|^  "version": "([^"]+)".*|\1|p' package.json)
version=${IMAGE_VERSION:-$own_version}
flavour=${IMAGE_FLAVOUR:-release}
name=docker.io/dynakv/dynakv:${IMAGE_TAG:-$version}
content=$(test-e2e/image/stage.sh "$version" "${IMAGE_RENDERER:-}")-$(sha256sum <<<"$base $flavour" | cut -c 1-8)

label='{{ index .Config.Labels "dev.dynakv.content" }}'
there=$("$engine" image inspect --format "$label" "$name" 2>/dev/null || true)
if [[ $there != "$content" ]]; then
  old=$("$engine" image inspect --format '{{ .Id }}' "$name" 2>/dev/null || true)
  echo "Building $name with $engine" >&2
  limits=()
  # Inside a container or a small virtual machine limits cannot be raised.
  [[ $engine == docker ]] || limits=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
  # Without the cache: Podman 4 takes a step from it although the arguments of its labels differ.
  "$engine" build --quiet --no-cache "${limits[@]}" --tag "$name" \
    --file test-e2e/image/Dockerfile \
    --build-arg "BASE=$base" --build-arg "VERSION=$version" --build-arg "FLAVOUR=$flavour" \
    --build-arg "CONTENT=$content" out/image/context >&2 || fail "$engine build failed"
  # The one that had the name before would stay without one; in use, it stays.
  [[ -z $old ]] || "$engine" rmi "$old" >/dev/null 2>&1 || true
fi
echo "$name"
