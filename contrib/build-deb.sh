#!/bin/sh
# Builds Debian's source and binary packages from what git has, outside the tree, and leaves them in
# debs/ with lbdemo.deb, a link to the binary package: apt install ./debs/lbdemo.deb
set -eu
umask 022 # so that the modes in the source package are the same everywhere
cd "$(dirname "$0")/.."
out=$PWD/debs
version=$(sed -n 's/^AC_INIT(\[lbdemo\], \[\([^]]*\)\].*/\1/p' configure.ac)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

for tool in dpkg-buildpackage dh; do
    command -v "$tool" >/dev/null || {
        echo "build-deb.sh: $tool is missing: install the Debian package debhelper" >&2
        exit 1
    }
done
# The upstream tarball is what git has without debian/; its times are the commit's.
git archive --prefix="lbdemo-$version/" HEAD ':!debian' | xz >"$work/lbdemo_$version.orig.tar.xz"
mkdir "$work/lbdemo-$version"
git archive HEAD | tar --no-same-permissions -x -C "$work/lbdemo-$version"
(cd "$work/lbdemo-$version" && dpkg-buildpackage -us -uc ${DEB_BUILDPACKAGE_OPTIONS-})
rm -rf "$out"
mkdir "$out"
cp "$work"/lbdemo_* "$work"/lbdemo-dbgsym_* "$out/"
ln -s "$(basename "$out"/lbdemo_*.deb)" "$out/lbdemo.deb"
echo "$out/lbdemo.deb"
