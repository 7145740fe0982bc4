#!/usr/bin/env bash
# Unpacks the Debian package of Prometheus into a cache folder, once, and prints that folder as the
# last line: it holds `prometheus` and `promtool`. Installing the package would start a service.
set -euo pipefail

fail() {
  echo "Cannot have Prometheus: $1" >&2
  exit 1
}

command -v apt-get >/dev/null || fail 'it comes from the Debian package, and there is no apt-get'
# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-$ID}")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dynakv/prometheus-$release

if [[ ! -x $cache/promtool ]]; then
  mkdir -p "$(dirname "$cache")"
  exec 9>"$cache.lock"
  flock 9
  if [[ ! -x $cache/promtool ]]; then
    echo 'Unpacking the Debian package of Prometheus into a cache folder (once)' >&2
    staging=$(mktemp -d "$cache.XXXXXX")
    trap 'rm -rf "$staging"' EXIT
    chmod 777 "$staging"
    # Package lists may be missing, or name a package that is there no more.
    if ! (cd "$staging" && apt-get download -q prometheus >&2); then
      [[ $(id -u) == 0 ]] || fail 'the package lists are missing or old: apt-get update, as root'
      apt-get update -q >&2 || fail 'apt-get update failed (its messages are above)'
      (cd "$staging" && apt-get download -q prometheus >&2) ||
        fail 'apt-get download failed (its messages are above)'
    fi
    dpkg-deb -x "$staging"/prometheus_*.deb "$staging/unpacked"
    mkdir "$staging/bin"
    mv "$staging"/unpacked/usr/bin/{prometheus,promtool} "$staging/bin/"
    chmod 755 "$staging/bin"
    rm -rf "$cache"
    mv "$staging/bin" "$cache"
  fi
fi
echo "$cache"
