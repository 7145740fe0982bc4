#!/usr/bin/env bash
# Gets what `make bench` compares with: `setup.sh wrk` installs the load generator (Debian
# package), `setup.sh etcd` builds etcd and its benchmark tool from Go modules (1.25 or newer) into
# a cache folder outside the repository and prints that folder. Without an argument: both.
# The cache is keyed by etcd's version, go.sum and the Go version; a finished build is renamed into
# place whole, so an interrupted one leaves nothing that looks finished.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
module=$here/etcd-module
version=$(sed -n 's|^\s*go.etcd.io/etcd/server/v3 v||p' "$module/go.mod" | head -n 1)

install_wrk() {
  if command -v wrk >/dev/null; then
    return
  fi
  echo 'Installing wrk with apt-get' >&2
  if [[ $(id -u) == 0 ]]; then
    apt-get install -y -q wrk >&2
  else
    sudo apt-get install -y -q wrk >&2
  fi
}

build_etcd() {
  local go_version=none hash cache
  go_version=$(go env GOVERSION 2>/dev/null || true)
  hash=$(cat "$module/go.sum" <(echo "$go_version") | sha256sum | cut -c 1-12)
  cache=${XDG_CACHE_HOME:-$HOME/.cache}/dynakv/etcd-$version-$hash
  if [[ ! -x $cache/etcd || ! -x $cache/benchmark ]]; then
    if [[ -z $go_version ]]; then
      echo 'Cannot build etcd: Go 1.25 or newer is needed, and there is no "go" in PATH' >&2
      exit 1
    fi
    echo "Building etcd $version from Go modules (about two minutes, once)" >&2
    mkdir -p "$(dirname "$cache")"
    exec 9>"$cache.lock"
    flock 9
    if [[ ! -x $cache/etcd || ! -x $cache/benchmark ]]; then
      local staging
      staging=$(mktemp -d "$cache.XXXXXX")
      trap 'rm -rf "$staging"' EXIT
      cd "$module"
      export CGO_ENABLED=0
      go build -mod=readonly -trimpath -ldflags '-s -w' -o "$staging/etcd" go.etcd.io/etcd/server/v3 >&2
      go build -mod=readonly -trimpath -ldflags '-s -w' -o "$staging/benchmark" \
        go.etcd.io/etcd/v3/tools/benchmark >&2
      chmod 755 "$staging"
      rm -rf "$cache"
      mv "$staging" "$cache"
      trap - EXIT
    fi
  fi
  echo "$cache"
}

case ${1:-all} in
  wrk) install_wrk ;;
  etcd) build_etcd ;;
  all)
    install_wrk
    build_etcd
    ;;
  *)
    echo 'usage: setup.sh [wrk|etcd]' >&2
    exit 1
    ;;
esac
