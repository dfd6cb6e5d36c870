#!/usr/bin/env bash
# sbom.sh OUT: writes the SBOM, every crate in the program as CycloneDX, to OUT/reproq-cli.cdx.json.
set -euo pipefail
mkdir -p "$1"
out=$(cd "$1" && pwd -P)
cd -P "$(dirname "$0")/../.."
cargo install --quiet cargo-cyclonedx --version 0.5.9 --locked --root "$RUNNER_TEMP/sbom"
PATH="$RUNNER_TEMP/sbom/bin:$PATH" cargo cyclonedx --format json --spec-version 1.5 --target all --all --no-build-deps \
    --override-filename reproq-cli.cdx
mv reproq-cli.cdx.json "$out/"
# It also writes one for each other package of the workspace.
find . -path ./target -prune -o -name reproq-cli.cdx.json -exec rm {} +
