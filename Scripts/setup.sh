# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts beside it: finds what a script needs and installs what is missing.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

# need_packages PACKAGE...: installs the Debian packages that are missing, or says which they are.
need_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    local install="apt-get install --yes --no-install-recommends ${missing[*]}"
    command -v apt-get >/dev/null || fail "these packages are missing; install what your system calls them: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || fail "packages are missing; install them with: sudo $install"
        as_root=(sudo)
    fi
    printf '%s: installing %s\n' "${0##*/}" "${missing[*]}" >&2
    local log
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    if ! { ${as_root[@]+"${as_root[@]}"} apt-get update && ${as_root[@]+"${as_root[@]}"} $install; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        fail "could not install the packages; try by hand: $install"
    fi
    rm -f "$log"
}

# need_php EXTENSION...: PHP's command line, with these extensions.
need_php() {
    need_packages php-cli
    local modules extension
    # Not in a pipe: grep ends at the first match, and what writes to it then fails.
    modules=$(php --modules)
    for extension in "$@"; do
        grep -qx "$extension" <<<"$modules" || fail "this php has no extension $extension"
    done
}

# need_swift: checks the toolchain, and what it needs of the system to start, fetch, compile and link.
need_swift() {
    command -v swift >/dev/null ||
        fail "there is no swift on the PATH; install Swift 6.2 or later from https://www.swift.org/install/"
    if command -v dpkg-query >/dev/null; then
        need_packages git ca-certificates libc6-dev g++ libsqlite3-dev
        # Only where they are missing: another Debian may have other names for them.
        swift package --version >/dev/null 2>&1 || need_packages libcurl4 libncurses6 libsqlite3-0 libxml2
    fi
    local problem
    problem=$(swift package --version 2>&1) || fail "swift does not start: $problem"

    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)
    local major=${version% *} minor=${version#* }
    if [ -n "$version" ] && { [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 2 ]; }; }; then
        fail "Swift $major.$minor is too old; install 6.2 or later from https://www.swift.org/install/"
    fi
}
