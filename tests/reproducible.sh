#!/bin/sh
# Builds the release's tarball and the Debian packages twice from what git has, the second time at
# another path and time, with another time zone, umask, locale and number of jobs, and, for root, as
# another user; then compares all bytes. Needs what make deb needs, and faketime.
#   make check-reproducible
set -eu
top=$(git rev-parse --show-toplevel)
work=$(mktemp -d "${TMPDIR:-/var/tmp}/lbdemo-reproducible.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
fail() {
    echo "reproducible.sh: $*" >&2
    exit 1
}
command -v faketime >/dev/null || fail "faketime is missing: install the Debian package faketime"
[ -z "$(git -C "$top" status --porcelain)" ] || echo "reproducible.sh: what is not committed is left out" >&2

# In a clone: the packages into debs/, the tarball into release/.
cat >"$work/build" <<'END'
set -eu
cd "$1"
export DEB_BUILD_OPTIONS="nocheck parallel=$2"
./contrib/build-deb.sh
./bootstrap
mkdir release
cd release
../configure -q
make -s dist
END

clone() {
    mkdir -p "$(dirname "$1")"
    git clone -q "$top" "$1"
}
# A failed build's log is shown.
build() {
    log=$1
    shift
    "$@" >"$log" 2>&1 </dev/null || { tail -n 40 "$log" >&2; fail "a build failed"; }
}

echo "first build"
clone "$work/one"
build "$work/one.log" env -u SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C.UTF-8 sh "$work/build" "$work/one" 2

other=$work/another/and/longer/path
clone "$other"
as=
if [ "$(id -u)" -eq 0 ]; then
    chmod 755 "$work"
    chown -R nobody "$work/another"
    as="setpriv --reuid=nobody --regid=nogroup --clear-groups"
fi
echo "second build${as:+, as nobody}"
# shellcheck disable=SC2086,SC2016  # the words of $as; $0 is the inner shell's
build "$work/two.log" $as env -u SOURCE_DATE_EPOCH HOME="$work/another" USER=nobody LOGNAME=nobody \
    TMPDIR="$work/another" TZ=Asia/Kathmandu LC_ALL=C LANG=C NO_FAKE_STAT=1 \
    faketime -f "+400d" sh -c 'umask 077; . "$0"' "$work/build" "$other" 1

status=0
compared=0
for file in "$work"/one/debs/*.deb "$work"/one/debs/*.tar.* "$work"/one/debs/*.dsc "$work"/one/release/*.tar.*; do
    [ -L "$file" ] && continue
    name=$(basename "$file")
    second=$(find "$other/debs" "$other/release" -maxdepth 1 -name "$name")
    [ -n "$second" ] || fail "the second build has no $name"
    compared=$((compared + 1))
    if cmp -s "$file" "$second"; then
        echo "same: $name $(sha256sum <"$file" | cut -c 1-16)"
    else
        status=1
        echo "DIFFERENT: $name" >&2
        if command -v diffoscope >/dev/null; then diffoscope --text - "$file" "$second" >&2 || :; fi
    fi
done
[ "$compared" -ge 6 ] || fail "only $compared files were there to compare"
exit $status
