#!/usr/bin/env bash
# verify.sh DIST BUNDLE: copies the attestation next to every asset and verifies each one as users will, with the program that
# was built. One bundle covers all assets; a copy with each asset's name can be found without the API, a token or a rate limit.
set -euo pipefail
dist=$1 bundle=$2
for asset in "$dist"/*; do
    cp "$bundle" "$asset.sigstore.json"
    "$RUNNER_TEMP/reproq" verify "$asset" --bundle "$asset.sigstore.json" --kind build \
        --repo "$GITHUB_REPOSITORY" --tag "$TAG" --require-tag-ref --asset "$(basename "$asset")"
done
