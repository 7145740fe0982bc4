#!/usr/bin/env bash
# Installs the Debian packages that the local cluster and the image need, and does nothing when all
# of their programs are there. The folder of prometheus and promtool is printed as the last line.
set -euo pipefail

fail() {
  echo "Cannot set up the local cluster: $1" >&2
  exit 1
}

# program → package
declare -A packages=(
  [containerd]=containerd
  [runc]=runc
  [/usr/lib/cni/ptp]=containernetworking-plugins
  [iptables-save]=iptables
  [conntrack]=conntrack
  [podman]=podman
  [crun]=crun
  [mmdebstrap]=mmdebstrap
  [ip]=iproute2
  [mkfs.ext4]=e2fsprogs
  [openssl]=openssl
  [flock]=util-linux
)
missing=()
for program in "${!packages[@]}"; do
  PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || missing+=("${packages[$program]}")
done

updated=false
update() {
  if [[ $updated == false ]]; then
    apt-get update -q >&2 || fail 'apt-get update failed (its messages are above)'
    updated=true
  fi
}

# Debian's own way to say that an installed service shall not start now.
policy=/usr/sbin/policy-rc.d
install_packages() {
  [[ $(id -u) == 0 ]] || fail "packages are missing and only root may install them: ${missing[*]}"
  command -v apt-get >/dev/null || fail "packages are missing and there is no apt-get: ${missing[*]}"
  echo "Installing Debian packages (once, half a minute or so): ${missing[*]}" >&2
  update
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
    "${missing[@]}" >&2 || fail 'apt-get install failed (its messages are above)'
}

((${#missing[@]} == 0)) || install_packages
"$(dirname "${BASH_SOURCE[0]}")/../../manifests/prometheus.sh"
