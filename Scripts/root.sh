# SPDX-License-Identifier: Apache-2.0
# Sourced after setup.sh by the scripts that try something in a Debian of their own.

child=''

# run COMMAND...: in a process group of its own, so that a signal to this script can end all of it: end_child.
run() {
    local status=0
    set -m
    "$@" </dev/null &
    child=$!
    set +m
    wait "$child" || status=$?
    child=''
    return "$status"
}

end_child() { [ -z "$child" ] || { kill -INT -- "-$child" && wait "$child"; } 2>/dev/null || true; }

# isolate SECONDS OPTION... COMMAND...: with mounts and processes of its own, which are gone when it ends, however it ends.
isolate() {
    run timeout --kill-after=5 "$1" unshare --mount --pid --kill-child "${@:2}"
}

# bare_debian ROOT: makes the smallest Debian 12 in an empty folder, and keeps it packed for the next time.
bare_debian() {
    local root=$1 packed mirror
    need_packages debootstrap debian-archive-keyring util-linux
    packed=.build-package/debian-12-$(dpkg --print-architecture).tar.gz
    if [ -f "$packed" ]; then
        tar --extract --gzip --directory "$root" --file "$packed" --numeric-owner --preserve-permissions
        return
    fi
    printf '%s: making a bare Debian 12\n' "${0##*/}" >&2
    # From where this machine has it, if it has it.
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' \
        2>/dev/null | sed -n 1p)
    isolate 900 --mount-proc debootstrap --variant=minbase bookworm "$root" ${mirror:+"$mirror"} >"$root.log" 2>&1 ||
        { tail -n 20 "$root.log" >&2; fail "could not make a bare Debian 12"; }
    tar --create --gzip --directory "$root" --file "$root.tar.gz" --numeric-owner --exclude='./var/cache/apt/*' .
    mv "$root.tar.gz" "$packed"
}
