#!/bin/sh
# Installs reproq @VERSION@: downloads the program for this platform, compares its SHA-256 digest with the one below, and
# moves it into place. Nothing that was downloaded runs before its digest is verified.
#
#   curl -fsSL https://github.com/adpena/reproq/releases/latest/download/install.sh | sh
#
# REPROQ_INSTALL_DIR   where to install (default: $XDG_BIN_HOME, else ~/.local/bin; /usr/local/bin for root)
# REPROQ_VERSION       another version; its digest is then read from that release's SHA256SUMS
# REPROQ_DOWNLOAD_URL  another server with the same files, such as https://mirror.example/reproq
#
# Only functions up to the last line, so that a download that was cut off runs nothing.

say() { printf '%s\n' "reproq: $*" >&2; }

fail() {
    say "error: $1"
    shift
    for hint in ${1+"$@"}; do say "hint: $hint"; done
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# The digest of every asset of this release; filled in when the release is built.
digests() {
    cat <<'DIGESTS'
@DIGESTS@
DIGESTS
}

asset() {
    case $(uname -s) in
        Linux) os=linux ;;
        Darwin) os=darwin ;;
        *) fail "there is no build for $(uname -s)" "on Windows, use install.ps1; elsewhere: cargo install --git https://github.com/adpena/reproq --locked reproq" ;;
    esac
    case $(uname -m) in
        x86_64 | amd64) arch=amd64 ;;
        aarch64 | arm64) arch=arm64 ;;
        *) fail "there is no build for $os on $(uname -m)" "cargo install --git https://github.com/adpena/reproq --locked reproq" ;;
    esac
    if [ "$os" = darwin ] && [ "$arch" = amd64 ] && [ "$(sysctl -n hw.optional.arm64 2>/dev/null)" = 1 ]; then
        # A shell under Rosetta reports amd64.
        arch=arm64
    fi
    if [ "$os" = linux ] && [ "$arch" = amd64 ] && thirty_two_bits; then
        fail "this system is 32-bit; there is no build for it" "cargo install --git https://github.com/adpena/reproq --locked reproq"
    fi
    # The static build runs on every Linux, whatever its C library is.
    if [ "$os" = linux ]; then suffix=-musl; else suffix=; fi
    printf '%s\n' "reproq-cli-$os-$arch$suffix"
}

# A 64-bit kernel may run 32-bit programs only: the fifth byte of an ELF file is 1 for 32 bits.
thirty_two_bits() {
    [ -r /proc/self/exe ] && have od && [ "$(od -An -t u1 -j 4 -N 1 /proc/self/exe 2>/dev/null | tr -d ' ')" = 1 ]
}

destination() {
    if [ -n "${REPROQ_INSTALL_DIR-}" ]; then
        printf '%s\n' "$REPROQ_INSTALL_DIR"
    elif [ "$(id -u)" = 0 ]; then
        printf '%s\n' /usr/local/bin
    elif [ -n "${XDG_BIN_HOME-}" ]; then
        printf '%s\n' "$XDG_BIN_HOME"
    elif [ -n "${HOME-}" ]; then
        printf '%s\n' "$HOME/.local/bin"
    else
        fail "HOME is not set" "set REPROQ_INSTALL_DIR to the directory to install to"
    fi
}

# download URL FILE
download() {
    case $1 in
        https://* | http://127.0.0.1:* | http://localhost:*) ;;
        *) fail "$1 is not an https URL" ;;
    esac
    if usable_curl; then
        with_curl "$1" "$2" || curl_again "$1" "$2" $?
    elif have wget; then
        with_wget "$1" "$2"
    else
        fail "neither curl nor wget is installed" "install one of them, or download $1 yourself"
    fi
}

# The curl of a snap may not write where this script wants it to.
usable_curl() {
    have curl && case $(command -v curl) in /snap/*) ! have wget ;; esac
}

# with_curl URL FILE [OPTION...]: the options come first, so that a retry keeps all the others.
with_curl() {
    url=$1
    file=$2
    shift 2
    case $url in
        https://*) set -- ${1+"$@"} --proto '=https' --tlsv1.2 ;;
        *) set -- ${1+"$@"} --noproxy 127.0.0.1,localhost ;;
    esac
    curl "$@" -fsSL --retry 3 --connect-timeout 15 --output "$file" "$url" </dev/null
}

# Some servers and proxies break HTTP/2 streams (92), or cut connections (16, 56); HTTP/1.1 works.
curl_again() {
    case $3 in
        16 | 56 | 92)
            say "the connection broke; retrying with HTTP/1.1"
            with_curl "$1" "$2" --http1.1
            ;;
        *) return 1 ;;
    esac
}

with_wget() {
    if wget --help 2>&1 </dev/null | grep -q BusyBox; then
        # It does not verify certificates everywhere: the digest is what the bytes are held to. Debian's build crashes on -T.
        wget -q -O "$2" "$1" </dev/null
    else
        case $1 in
            https://*) wget -q --https-only --secure-protocol=TLSv1_2 --tries=4 --timeout=30 -O "$2" "$1" </dev/null ;;
            *) wget -q --no-proxy --tries=4 --timeout=30 -O "$2" "$1" </dev/null ;;
        esac
    fi
}

# Prints the SHA-256 digest of a file in hexadecimal. Read from stdin, so that no file name changes the output.
digest() {
    if have sha256sum; then
        sum=$(sha256sum <"$1")
    elif have shasum; then
        sum=$(shasum -a 256 <"$1")
    elif have openssl; then
        sum=$(openssl dgst -sha256 -r <"$1")
    else
        fail "none of sha256sum, shasum and openssl is installed, so the download cannot be verified" "install one of them"
    fi
    printf '%s\n' "${sum%%[ *]*}"
}

# digest_of ASSET FILE: the line of a SHA256SUMS file that is about the asset.
digest_of() {
    while read -r sum name; do
        if [ "${name#\*}" = "$1" ]; then
            printf '%s\n' "$sum"
            return 0
        fi
    done <"$2"
    return 1
}

advise() {
    found=$(command -v reproq 2>/dev/null) || found=
    if [ -n "${GITHUB_PATH-}" ]; then
        printf '%s\n' "$1" >>"$GITHUB_PATH"
        say "added $1 to the PATH of the next steps"
        return 0
    fi
    case ":${PATH-}:" in
        *":$1:"*)
            if [ -n "$found" ] && [ "$found" != "$1/reproq" ] && [ -e "$found" ]; then
                say "warning: $found is found before $1/reproq on PATH"
                say "hint: it may be the worker, which has the same name; put $1 first on PATH, or run $1/reproq"
            fi
            return 0
            ;;
    esac
    say "$1 is not on PATH. To add it:"
    # What is printed is for the user's shell to expand.
    # shellcheck disable=SC2016
    case ${SHELL-} in
        */fish) say "    fish_add_path $1" ;;
        */zsh) say "    echo 'export PATH=\"$1:\$PATH\"' >> ${ZDOTDIR:-~}/.zshrc" ;;
        */bash) say "    echo 'export PATH=\"$1:\$PATH\"' >> ~/.bashrc" ;;
        *) say "    export PATH=\"$1:\$PATH\"" ;;
    esac
}

# shellcheck disable=SC2329 # called by the trap
cleanup() { [ -z "${staging-}" ] || rm -rf -- "$staging"; }

main() {
    set -eu
    released=@VERSION@
    version=${REPROQ_VERSION:-$released}
    version=${version#v}
    server=${REPROQ_DOWNLOAD_URL:-https://github.com/adpena/reproq/releases/download}
    name=$(asset)
    directory=$(destination)

    mkdir -p -- "$directory" || fail "cannot create $directory" "set REPROQ_INSTALL_DIR to a directory that you may write to"
    # Next to the target: the move at the end is then one rename, and a /tmp where nothing may be executed does not matter.
    staging=
    trap cleanup EXIT
    trap 'exit 130' HUP INT TERM
    staging=$(mktemp -d "$directory/.reproq.XXXXXX") || fail "cannot write to $directory" "set REPROQ_INSTALL_DIR to a directory that you may write to"

    if [ "$version" = "$released" ]; then
        digests >"$staging/SHA256SUMS"
    else
        say "reading the digests of version $version from $server/v$version/SHA256SUMS"
        download "$server/v$version/SHA256SUMS" "$staging/SHA256SUMS" ||
            fail "cannot download $server/v$version/SHA256SUMS" "check that version $version exists: https://github.com/adpena/reproq/releases"
    fi
    expected=$(digest_of "$name" "$staging/SHA256SUMS") || fail "version $version has no $name" "see https://github.com/adpena/reproq/releases"

    say "downloading $server/v$version/$name"
    download "$server/v$version/$name" "$staging/reproq" ||
        fail "cannot download $server/v$version/$name" "check the connection and the proxy settings, then run this again" \
            "if version $version was deleted: PyPI keeps every version (pip install reproq==$version), and https://github.com/adpena/reproq/releases/latest has the newest installer"
    actual=$(digest "$staging/reproq")
    [ "$actual" = "$expected" ] ||
        fail "the digest of the download does not match; nothing was installed" "expected $expected" "received $actual" "a proxy may have changed the file; if it happens again, report it: https://github.com/adpena/reproq/issues"
    say "verified: sha256 $actual"

    chmod 755 "$staging/reproq"
    reported=$("$staging/reproq" --version </dev/null) || fail "the program does not start on this system; nothing was installed" "report it with the output of 'uname -a': https://github.com/adpena/reproq/issues"
    [ ! -d "$directory/reproq" ] || fail "$directory/reproq is a directory" "set REPROQ_INSTALL_DIR to another directory"
    mv -f -- "$staging/reproq" "$directory/reproq" || fail "cannot write $directory/reproq"
    say "installed $directory/reproq: $reported"
    advise "$directory"
}

{ main ${1+"$@"}; exit; }
