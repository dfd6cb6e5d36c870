#!/usr/bin/env bash
# Gets reproq for this runner and sets the step's output `path`: from the runner's tool cache, else downloaded, else built.
# What is kept or downloaded is compared with the digest in digests.txt each time, before it is started. A digest that
# does not match ends the job and is never answered with a build.
set -euo pipefail

# Builds with this compiler, which the releases are built with, where rustup is there to provide it.
toolchain=1.95.0

note() { printf 'reproq: %s\n' "$*" >&2; }

stop() {
    printf '::error::reproq: %s\n' "$*"
    exit 1
}

finish() {
    printf 'path=%s\n' "$1" >>"$GITHUB_OUTPUT"
    exit 0
}

# Outside of the checkout: rustup takes the compiler that a rust-toolchain.toml names, of the directory that cargo is started
# in or of one above it, and what that compiler makes runs with the token.
build() {
    note "building from source: $1"
    cd "$RUNNER_TEMP"
    if command -v rustup >/dev/null; then
        rustup toolchain install "$toolchain" --profile minimal --no-self-update
        export RUSTUP_TOOLCHAIN=$toolchain
    fi
    export CARGO_TARGET_DIR="$RUNNER_TEMP/reproq-target"
    cargo install --quiet --locked --path "$GITHUB_ACTION_PATH" --root "$RUNNER_TEMP/reproq"
    finish "$RUNNER_TEMP/reproq/bin/reproq$suffix"
}

asset() {
    local os arch
    case ${RUNNER_OS-} in
        Linux) os=linux ;;
        macOS) os=darwin ;;
        Windows) os=windows ;;
        *) return 1 ;;
    esac
    case ${RUNNER_ARCH-} in
        X64) arch=amd64 ;;
        ARM64) arch=arm64 ;;
        *) return 1 ;;
    esac
    # The static program runs in every container.
    case $os in
        linux) printf 'reproq-cli-%s-%s-musl\n' "$os" "$arch" ;;
        windows) printf 'reproq-cli-%s-%s.exe\n' "$os" "$arch" ;;
        *) printf 'reproq-cli-%s-%s\n' "$os" "$arch" ;;
    esac
}

digest() {
    local sum
    if command -v sha256sum >/dev/null; then
        sum=$(sha256sum <"$1")
    elif command -v shasum >/dev/null; then
        sum=$(shasum -a 256 <"$1")
    else
        stop "neither sha256sum nor shasum is installed, so nothing can be verified"
    fi
    printf '%s\n' "${sum%%[ *]*}"
}

download() {
    local only=(--proto '=https' --tlsv1.2)
    case $1 in http://127.0.0.1:*) only=(--noproxy 127.0.0.1) ;; esac
    curl "${only[@]}" -fsSL --retry 3 --connect-timeout 15 --output "$2" "$1" </dev/null
}

suffix=
[ "${RUNNER_OS-}" != Windows ] || suffix=.exe
table=$GITHUB_ACTION_PATH/packaging/action/digests.txt
name=$(asset) || build "there is no release for ${RUNNER_OS-} on ${RUNNER_ARCH-}"
version=$(sed -n 's/^version //p' "$table")
expected=$(awk -v name="$name" '$2 == name { print $1 }' "$table")
if [ -z "$version" ] || [ -z "$expected" ]; then
    build "digests.txt names no release for $name"
fi

kept=${RUNNER_TOOL_CACHE:-$RUNNER_TEMP}/reproq/$version/${name#reproq-cli-}
program=$kept/reproq$suffix
if [ -f "$program" ]; then
    if [ "$(digest "$program")" = "$expected" ]; then
        note "version $version from the tool cache, verified: sha256 $expected"
        finish "$program"
    fi
    note "the program in the tool cache is not the released one; downloading it again"
fi

command -v curl >/dev/null || build "curl is not installed"
url=${REPROQ_DOWNLOAD_URL:-https://github.com/adpena/reproq/releases/download}/v$version/$name
staging=$(mktemp -d "$RUNNER_TEMP/reproq.XXXXXX")
trap 'rm -rf "$staging"' EXIT
download "$url" "$staging/reproq$suffix" || build "$url cannot be downloaded"
actual=$(digest "$staging/reproq$suffix")
[ "$actual" = "$expected" ] || stop "the digest of $url is $actual, not $expected"
chmod 755 "$staging/reproq$suffix"
download "$url.sigstore.json" "$staging/bundle.json" || stop "the attestation $url.sigstore.json cannot be downloaded"
"$staging/reproq$suffix" verify "$staging/reproq$suffix" --bundle "$staging/bundle.json" --kind build \
    --repo adpena/reproq --tag "v$version" --require-tag-ref --asset "$name" >&2 ||
    stop "the attestation of $url could not be verified"
mkdir -p "$kept"
mv -f "$staging/reproq$suffix" "$program"
note "version $version, verified: sha256 $expected"
finish "$program"
