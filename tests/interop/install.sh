#!/usr/bin/env bash
# Installs by name the commands that the interop suite runs, where they are not there yet.
set -euo pipefail

declare -A packages=(
  [kcat]=kcat
  [javac]=default-jdk-headless
  [mvn]=maven
  [node]=nodejs
  [npm]=npm
  [go]=golang-go
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
