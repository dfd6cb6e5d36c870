#!/usr/bin/env bash
# build.sh TARGET ASSET COMPATIBILITY OUT: installs the pinned build tools, then builds with packaging/build.sh. zig provides
# compiler, linker and C library for Linux in one pinned package. Other versions give other bytes.
set -euo pipefail
toolchain=1.95.0
# The directory of these scripts may be a link.
root=$(cd -P "$(dirname "$0")/../.." && pwd -P)

rustup toolchain install "$toolchain" --profile minimal --target "$1" --no-self-update
# Takes precedence over rust-toolchain.toml, which follows the newest version.
export RUSTUP_TOOLCHAIN=$toolchain
python3 -m venv "$RUNNER_TEMP/tools"
tools=$RUNNER_TEMP/tools/bin
[ -d "$tools" ] || tools=$RUNNER_TEMP/tools/Scripts
"$tools/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
    --requirement "$root/xtask/python/uv.txt"
export UV_PROJECT_ENVIRONMENT="$RUNNER_TEMP/release-tools"
"$tools/uv" sync --quiet --locked --no-build --only-group release --project "$root/xtask/python" --python "$tools/python"
tools=$UV_PROJECT_ENVIRONMENT/bin
[ -d "$tools" ] || tools=$UV_PROJECT_ENVIRONMENT/Scripts
PATH="$tools:$PATH" "$root/packaging/build.sh" "$@"
