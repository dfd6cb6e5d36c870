#!/usr/bin/env bash
# build.sh TARGET ASSET COMPATIBILITY OUT: installs the pinned build tools, then builds with packaging/build.sh. zig provides
# compiler, linker and C library for Linux in one pinned package. Other versions give other bytes.
set -euo pipefail
toolchain=1.95.0

rustup toolchain install "$toolchain" --profile minimal --target "$1" --no-self-update
# Takes precedence over rust-toolchain.toml, which follows the newest version.
export RUSTUP_TOOLCHAIN=$toolchain
python3 -m venv "$RUNNER_TEMP/tools"
tools=$RUNNER_TEMP/tools/bin
[ -d "$tools" ] || tools=$RUNNER_TEMP/tools/Scripts
"$tools/python" -m pip install --quiet --disable-pip-version-check maturin==1.16.0 ziglang==0.17.1
PATH="$tools:$PATH" "$(dirname "$0")/../build.sh" "$@"
