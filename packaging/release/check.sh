#!/usr/bin/env bash
# check.sh DIST: checks that the published release is complete and attested, and installs it as users do.
set -euo pipefail
dist=$1
assets=()
while read -r _ name; do assets+=(--asset "$name"); done <"$dist/SHA256SUMS"
"$RUNNER_TEMP/reproq" release check --tag "$TAG" --require-attested "${assets[@]}"

download=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/releases/download
installed=$RUNNER_TEMP/installed
curl -fsSL --retry 3 --output "$RUNNER_TEMP/install.sh" "$download/$TAG/install.sh"
# GITHUB_PATH would add the directory to the PATH of later steps.
env -u GITHUB_PATH REPROQ_DOWNLOAD_URL="$download" REPROQ_INSTALL_DIR="$installed" sh "$RUNNER_TEMP/install.sh"
"$installed/reproq" --version
