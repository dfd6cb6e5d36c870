#!/usr/bin/env bash
# assemble.sh DIST: completes a directory that holds the programs of every platform with what a release has beside them:
# archives, installers, formula, container recipe, SHA256SUMS. Everything is made by the program and the tools of this commit.
set -euo pipefail
dist=$(cd "$1" && pwd -P)
cd -P "$(dirname "$0")/.."

# Before the time is set, on which C compilers depend: what is already built is not built again.
cargo build --quiet --package dist --package reproq
target=${CARGO_TARGET_DIR:-target}/debug
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
"$target/dist" archives "$dist"
# The installers hold digests, and have digests themselves.
"$target/reproq" release checksums "$dist"
"$target/dist" scripts "$dist"
"$target/reproq" release checksums "$dist"
