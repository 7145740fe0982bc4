#!/usr/bin/env bash
# Builds the programs of one Go module of `go/` and prints the folder that holds them:
# `build.sh kubernetes|coredns|helm3|helm4|pause`. etcd comes from `node/bench/setup.sh etcd`.
# The cache is keyed by go.mod, go.sum, the module's own sources and the Go version; its folder is
# locked while it is built and renamed into place whole, so an interrupted build leaves nothing that
# looks finished, and what Go had compiled by then is not lost.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
module=${1:?usage: build.sh kubernetes|coredns|helm3|helm4|pause}
source=$here/go/$module
# Two minutes on two slow cores when nothing is compiled yet; many times that on a busy machine.
program_seconds_max=1400
progress_seconds=15

fail() {
  echo "Cannot build $module: $1" >&2
  exit 1
}

[[ -f $source/go.mod ]] || fail "no such module in test-e2e/local/go: $module"
version_of() {
  sed -n -E "s|^(require )?\s*$1 v([^ ]+).*|\2|p" "$source/go.mod" | head -n 1
}

flags='-s -w'
case $module in
  kubernetes)
    version=$(version_of k8s.io/kubernetes)
    programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl)
    package=k8s.io/kubernetes/cmd/
    stamp=k8s.io/component-base/version
    IFS=. read -r major minor _ <<<"$version"
    flags+=" -X $stamp.gitVersion=v$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor"
    ;;
  helm3 | helm4)
    line=${module#helm}
    version=$(version_of "helm.sh/helm/v$line")
    programs=("$module")
    package=helm.sh/helm/v$line/cmd/helm
    helm=helm.sh/helm/v$line
    flags+=" -X $helm/internal/version.version=v$version"
    # Otherwise charts are rendered for Kubernetes 1.20. k8s.io/client-go v0.N belongs to 1.N.
    IFS=. read -r _ minor _ <<<"$(version_of k8s.io/client-go)"
    places=("$helm/pkg/lint/rules" "$helm/pkg/chartutil")
    if [[ $line == 4 ]]; then
      places=("$helm/pkg/chart/v2/lint/rules" "$helm/internal/chart/v3/lint/rules")
      places+=("$helm/pkg/chart/common")
      flags+=" -X $helm/internal/version.kubeClientVersionMajor=1"
      flags+=" -X $helm/internal/version.kubeClientVersionMinor=$minor"
    fi
    for place in "${places[@]}"; do
      flags+=" -X $place.k8sVersionMajor=1 -X $place.k8sVersionMinor=$minor"
    done
    ;;
  coredns)
    version=$(version_of github.com/coredns/coredns)
    programs=(coredns)
    package=.
    ;;
  pause)
    version=1
    programs=(pause)
    package=.
    ;;
  *) fail 'the module has no list of programs' ;;
esac

go_version=$(go env GOVERSION 2>/dev/null || true)
hash=$(cd "$source" && cat ./* <(echo "$go_version $flags") | sha256sum | cut -c 1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/dynakv/$module-$version-$hash

is_whole() {
  local program
  for program in "${programs[@]}"; do
    [[ -x $cache/$program ]] || return 1
  done
}

build_program() {
  local program=$1 target=$package started=$SECONDS watcher seconds=0
  [[ $package != */ ]] || target=$package$program
  # Short sleeps: one that outlives the loop would keep the reader of our output waiting.
  while sleep 1; do
    ((++seconds % progress_seconds != 0)) || echo "  … $program: $seconds s"
  done >&2 &
  watcher=$!
  # The background loop dies with this program, also when it is interrupted.
  trap 'kill "$watcher" 2>/dev/null || true; rm -rf "$staging"' EXIT
  CGO_ENABLED=0 timeout "$program_seconds_max" go build -C "$source" -mod=readonly -trimpath \
    -ldflags "$flags" -o "$staging/$program" "$target" >&2 ||
    fail "go build of $program failed or took more than $program_seconds_max s"
  kill "$watcher"
  echo "  $program: built in $((SECONDS - started)) s" >&2
}

if ! is_whole; then
  [[ -n $go_version ]] || fail 'Go 1.25 or newer is needed, and there is no "go" in PATH'
  mkdir -p "$(dirname "$cache")"
  exec 9>"$cache.lock"
  flock 9
  if ! is_whole; then
    echo "Building $module $version from Go modules (once)" >&2
    staging=$(mktemp -d "$cache.XXXXXX")
    for program in "${programs[@]}"; do
      build_program "$program"
    done
    chmod 755 "$staging"
    rm -rf "$cache"
    mv "$staging" "$cache"
    trap - EXIT
  fi
fi
echo "$cache"
