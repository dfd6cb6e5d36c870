#!/usr/bin/env bash
# collect.sh DIST WHEELS: moves the wheels, which are not assets, out of the directory with everything that was built, and
# completes the rest with archives, installers and checksums. The program for this machine is copied to $RUNNER_TEMP/reproq:
# the later steps use it on its own release.
set -euo pipefail
dist=$1 wheels=$2
mkdir -p "$wheels"
mv "$dist"/*.whl "$wheels/"
"$(dirname "$0")/../assemble.sh" "$dist"
install -m 0755 "$dist/reproq-cli-linux-amd64" "$RUNNER_TEMP/reproq"
# The SBOM is about these files, not about itself.
grep --fixed-strings --invert-match .cdx.json "$dist/SHA256SUMS" >"$RUNNER_TEMP/programs"
