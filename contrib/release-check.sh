#!/bin/sh
# Is what git has fit for a release? Runs every check to its end whatever the others say; the long ones
# on a clean clone. HACKING.md, "Release", says what else a release takes.
#   make release-check
# shellcheck disable=SC2317  # functions are called by check
set -u
cd "$(git rev-parse --show-toplevel)" || exit 1
work=$(mktemp -d "${TMPDIR:-/var/tmp}/lbdemo-release.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
version=$(sed -n 's/^AC_INIT(\[lbdemo\], \[\([^]]*\)\].*/\1/p' configure.ac)
failed=0

# check NAME COMMAND...: one line, and what the command said if it failed.
check() {
    name=$1
    shift
    if ("$@") >"$work/log" 2>&1; then
        echo "ok    $name"
    else
        echo "FAIL  $name"
        tail -n 30 "$work/log" | sed 's/^/      /'
        failed=1
    fi
}

clean() {
    git status --short
    [ -z "$(git status --porcelain)" ]
}
news_is_dated() {
    grep -E "^$version \([0-9]{4}-[0-9]{2}-[0-9]{2}\)$" NEWS || { grep "^$version" NEWS && false; }
}
changelog_is_released() {
    head -n 1 debian/changelog
    head -n 1 debian/changelog | grep -q "^lbdemo ($version-[0-9]*) " && ! head -n 1 debian/changelog | grep -q UNRELEASED
}
pages_have_the_version() {
    ! grep -L "^\.Os lbdemo $version\$" man/*.[1-8] | grep .
}
image_has_the_version() {
    grep "^ARG VERSION=$version\$" Dockerfile
}
tag_is_here() {
    [ -z "$(git tag -l "v$version")" ] || [ "$(git rev-parse "v$version^{commit}")" = "$(git rev-parse HEAD)" ]
}
translated() {
    msgfmt -c --statistics -o /dev/null po/zh_CN.po && ! msgfmt --statistics -o /dev/null po/zh_CN.po 2>&1 |
        grep -E 'fuzzy|untranslated'
}
distcheck() {
    git clone -q . "$work/tree" && cd "$work/tree" && ./bootstrap && mkdir build && cd build && ../configure -q &&
        make -s distcheck
}
packages() {
    cd "$work/tree" && DEB_BUILD_OPTIONS=nocheck ./contrib/build-deb.sh &&
        lintian -I --pedantic --fail-on error,warning,info,pedantic debs/*.changes
}

echo "lbdemo $version, $(git log -1 --format='%h %s')"
check "nothing is uncommitted" clean
check "NEWS has the version with its date" news_is_dated
check "debian/changelog has the version and is released" changelog_is_released
check "man pages have the version" pages_have_the_version
check "the image's labels have the version" image_has_the_version
check "the tag, if it is there, is this commit" tag_is_here
check "the translation is complete" translated
check "make distcheck" distcheck
check "packages, and lintian has nothing to say" packages
check "the same bytes from two builds" tests/reproducible.sh
check "the package installs, upgrades and goes without a trace" tests/package.sh
exit $failed
