#!/usr/bin/env bash
# Packs the program that holds a pod's namespaces into an image archive (localhost/pause:1) and
# prints the archive's path: `pause.sh PROGRAM`. The archive stands beside the program, in the cache.
set -euo pipefail

program=${1:?usage: pause.sh PROGRAM}
archive=$(dirname "$program")/pause.tar
name=localhost/pause:1

if [[ ! -f $archive ]]; then
  tar -C "$(dirname "$program")" --owner=0 --group=0 -cf - "$(basename "$program")" |
    podman import --quiet --change 'ENTRYPOINT ["/pause"]' --change 'USER 65535:65535' - "$name" >&2
  rm -f "$archive.new"
  podman save --quiet --format docker-archive -o "$archive.new" "$name" >&2
  mv "$archive.new" "$archive"
fi
echo "$archive"
