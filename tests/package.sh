#!/bin/sh
# The package in a fresh minimal Debian 12: installed with nothing but apt, its programs, pages and units
# tried, then reinstalled, upgraded, removed and purged, and nothing may be left.
#   make check-package              tests/package.sh [LBDEMO.deb]     as root; exits 77 where it cannot run
# DEBIAN_MIRROR is where debootstrap gets Debian from, otherwise this machine's own package source.
set -eu
skip() {
    echo "skipped: $*"
    exit 77
}
[ "$(id -u)" -eq 0 ] || skip "not root"
for tool in debootstrap unshare dpkg-deb; do
    command -v $tool >/dev/null || skip "$tool is not installed"
done
# What is mounted is gone with this process, however it ends.
[ -n "${LBDEMO_OWN_MOUNTS-}" ] ||
    LBDEMO_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"

top=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/var/tmp}/lbdemo-package.XXXXXX")
root=$work/root
trap 'umount -R "$root/proc" "$root/dev" 2>/dev/null; rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM
fail() {
    echo "package.sh: $*" >&2
    exit 1
}
inside() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    http_proxy="${http_proxy-}" https_proxy="${https_proxy-}" chroot "$root" "$@"; }
# quietly COMMAND...: what it says is shown if it fails.
quietly() { "$@" >"$work/log" 2>&1 || { tail -n 40 "$work/log" >&2; fail "failed: $*"; }; }

make_chroot() {
    # shellcheck disable=SC2016  # apt's own placeholder
    mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)}
    # shellcheck disable=SC2086  # none or one word
    quietly debootstrap --variant=minbase bookworm "$root" $mirror
    if [ -z "${DEBIAN_MIRROR-}" ]; then
        rm -f "$root/etc/apt/sources.list"
        cp -a /etc/apt/. "$root/etc/apt/"
    fi
    for file in resolv.conf hosts; do cp -L "/etc/$file" "$root/etc/"; done
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    quietly inside apt-get update
}

# All files with type, mode, owner and content, but what packaging itself keeps.
snapshot() {
    inside sh -c 'find / -xdev \( -path /proc -o -path /dev -o -path /sys -o -path /tmp -o -path /root -o -path /run \
        -o -path /var/cache -o -path /var/log -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/systemd/deb-systemd-helper-enabled \) -prune -o \
        ! -path /etc/ld.so.cache -printf "%y %m %u %g %p %l\n" | sort; cat /etc/passwd /etc/group; ls /var/lib/dpkg/info'
}
no_trace() {
    found=$(inside find / -xdev \( -path /proc -o -path /dev -o -path /tmp -o -path /var/log -o -path /var/cache \) -prune -o -iname '*lbdemo*' -print)
    [ -z "$found" ] || fail "left after $1: $found"
}
same_as() {
    snapshot >"$work/now"
    diff "$1" "$work/now" >"$work/diff" || { cat "$work/diff" >&2; fail "$2 left or changed this"; }
}

try_programs() {
    for program in lbdemo-server lbdemo-http-client lbdemo-grpc-client lbdemo-report lbdemo-lab; do
        inside $program --version >"$work/log" || fail "$program does not run"
    done
    inside lbdemo-lab demo --logs /tmp/demo >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "lbdemo-lab demo"; }
    grep -q 'pinned to 1 of 3' "$work/log" || fail "the demonstration has another table"
    rm -rf "$root/tmp/demo"
}
try_pages() {
    quietly inside apt-get install -y --no-install-recommends man-db
    for page in "lbdemo 7" "lbdemo-server 8" "lbdemo-http-client 1" "lbdemo-grpc-client 1" "lbdemo-report 1" \
        "lbdemo-report 5" "lbdemo-lab 1"; do
        # shellcheck disable=SC2086  # name and section
        set -- $page
        lines=$(inside man "$2" "$1" 2>"$work/log" | wc -l)
        if [ "$lines" -le 50 ] || [ -s "$work/log" ]; then
            fail "man $2 $1: $lines lines; $(cat "$work/log")"
        fi
    done
}
try_units() {
    quietly inside apt-get install -y --no-install-recommends systemd
    for unit in lbdemo-server.service lbdemo-server@one.service lbdemo-server.socket; do
        inside systemd-analyze verify --man=yes "/lib/systemd/system/$unit" >"$work/log" 2>&1 || fail "$unit: $(cat "$work/log")"
        [ ! -s "$work/log" ] || fail "$unit: $(cat "$work/log")"
    done
    quietly inside systemd-analyze security --offline=true --threshold=15 lbdemo-server.service
    [ ! -e "$root/etc/systemd/system/multi-user.target.wants/lbdemo-server.service" ] || fail "it was enabled without being asked"
}

# A package like $1 with a later version.
bump() {
    dpkg-deb -R "$1" "$work/bumped"
    sed -i 's/^Version: .*/&+1/' "$work/bumped/DEBIAN/control"
    quietly dpkg-deb --root-owner-group -b "$work/bumped" "$root/tmp/later.deb"
}

deb=${1-}
if [ -z "$deb" ]; then
    echo "building the package"
    quietly env DEB_BUILD_OPTIONS="nocheck ${DEB_BUILD_OPTIONS-}" "$top/contrib/build-deb.sh"
    deb=$top/debs/lbdemo.deb
fi
echo "making a minimal Debian"
make_chroot
cp -L "$deb" "$root/tmp/lbdemo.deb"
bump "$deb"
echo "apt install ./lbdemo.deb"
quietly inside apt-get install -y /tmp/lbdemo.deb
inside dpkg -s haproxy >/dev/null || fail "the balancer it recommends was not installed"
try_programs
echo "pages and units"
try_pages
try_units
quietly inside dpkg --purge lbdemo
no_trace "the first purge"
snapshot >"$work/without"

echo "install, reinstall, upgrade, remove, purge"
quietly inside dpkg -i /tmp/lbdemo.deb
snapshot >"$work/with"
quietly inside dpkg -i /tmp/lbdemo.deb
same_as "$work/with" "reinstalling"
echo '# changed by its admin' >>"$root/etc/default/lbdemo-server"
quietly inside dpkg -i /tmp/later.deb
same_as "$work/with" "upgrading"
grep -q 'changed by its admin' "$root/etc/default/lbdemo-server" || fail "upgrading threw the admin's settings away"
quietly inside dpkg --remove lbdemo
[ "$(inside find / -xdev \( -path /proc -o -path /dev -o -path /tmp -o -path /var \) -prune -o -iname '*lbdemo*' -print)" = \
    /etc/default/lbdemo-server ] || fail "removing left other than the settings"
quietly inside dpkg --purge lbdemo
no_trace "purging"
same_as "$work/without" "purging"

# The package's own tests; those that need a booted system are for other test beds.
source=$(find "$(dirname "$(readlink -f "$deb")")" -name 'lbdemo_*.dsc' 2>/dev/null)
if command -v autopkgtest >/dev/null && [ -n "$source" ]; then
    echo "autopkgtest"
    result=0
    autopkgtest -B -q --output-dir "$work/autopkgtest" "$(readlink -f "$deb")" "$source" -- chroot "$root" >"$work/log" 2>&1 || result=$?
    cat "$work/autopkgtest/summary" || tail -n 40 "$work/log" >&2
    # 2: some were skipped
    [ $result -eq 0 ] || [ $result -eq 2 ] || { tail -n 60 "$work/log" >&2; fail "autopkgtest: $result"; }
fi
echo "passed"
