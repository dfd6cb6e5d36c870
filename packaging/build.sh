#!/usr/bin/env bash
# build.sh TARGET ASSET COMPATIBILITY OUT: builds the wheel for TARGET as it is published, and takes the program ASSET out of
# it, so that both hold the same bytes.
#
# On Linux the same commit gives the same bytes, wherever and whenever it is built: paths are replaced, times are the commit's,
# and zig is compiler, linker and C library at once (glibc 2.17, or musl, linked statically).
set -euo pipefail
target=$1 asset=$2 compatibility=$3
mkdir -p "$4"
out=$(cd "$4" && pwd -P)
root=$(cd -P "$(dirname "$0")/.." && pwd -P)
cd "$root"

flags=(
    "--remap-path-prefix=$root=/reproq"
    "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src=/crates"
    "--remap-path-prefix=$(rustc --print sysroot)=/rust"
)
# Without it the program needs a runtime of Microsoft's that not every Windows has.
case $target in *-windows-msvc) flags+=("-Ctarget-feature=+crt-static") ;; esac
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' "${flags[@]}")
export CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS%$'\x1f'}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH CARGO_INCREMENTAL=0

data=target/wheel-data/data
rm -rf target/wheel-data
# With the flags of this machine, not those of the target.
env -u CARGO_ENCODED_RUSTFLAGS cargo run --quiet --package dist -- share "$data"
env -u CARGO_ENCODED_RUSTFLAGS cargo run --quiet --package dist -- description target/wheel-readme.md

zig=()
case $target in *-linux-*) zig=(--zig) ;; esac
wheels=target/wheels-$target
rm -rf "$wheels"
maturin build --release --locked "${zig[@]}" --target "$target" --compatibility "$compatibility" --out "$wheels"

python3 - "$wheels" "$out/$asset" <<'PYTHON'
import pathlib, sys, zipfile

wheels, asset = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
(wheel,) = wheels.glob("*.whl")
with zipfile.ZipFile(wheel) as archive:
    (program,) = [name for name in archive.namelist() if ".data/scripts/reproq" in name]
    asset.write_bytes(archive.read(program))
asset.chmod(0o755)
PYTHON
cp "$wheels"/*.whl "$out/"
