#!/usr/bin/env bash
# check-version.sh TAG: fails unless the tag is `v` and the version in Cargo.toml.
set -euo pipefail
cd -P "$(dirname "$0")/.."
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
if [ "$1" != "v$version" ]; then
    printf '::error::the tag is %s, but Cargo.toml has version %s\n' "$1" "$version"
    exit 1
fi
