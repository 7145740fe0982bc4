#!/usr/bin/env bash
# Builds the checker of histories from Go modules (Go 1.24 or newer) into a cache folder outside
# the repository, once for each source and Go version, and prints the program's path.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
go_version=$(go env GOVERSION 2>/dev/null || true)
if [[ -z $go_version ]]; then
  echo 'Cannot build the checker: Go 1.24 or newer is needed, and there is no "go" in PATH' >&2
  exit 1
fi
hash=$(cat "$here/main.go" "$here/go.sum" <(echo "$go_version") | sha256sum | cut -c 1-12)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/dynakv
program=$folder/porcupine-$hash
if [[ ! -x $program ]]; then
  mkdir -p "$folder"
  staging=$(mktemp "$program.XXXXXX")
  trap 'rm -f "$staging"' EXIT
  cd "$here"
  CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags '-s -w' -o "$staging" . >&2
  mv "$staging" "$program"
fi
echo "$program"
