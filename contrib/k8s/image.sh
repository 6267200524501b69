#!/bin/sh
# Builds the image: image.sh ENGINE IMAGE BASE, with ENGINE one of buildah, podman, docker.
# The same sources, base and version give the same layers: times are those of the last commit.
set -eu
engine=${1:-} image=$2 base=$3
cd "$(dirname "$0")/../.."

case ${engine##*/} in
buildah) set -- "$engine" bud --isolation="${BUILDAH_ISOLATION:-chroot}" ;;
podman) set -- "$engine" build ;;
docker) set -- "$engine" build ;;
*) echo "image.sh: '$engine' is none of buildah, podman, docker: install one, or set CONTAINER_ENGINE" >&2; exit 2 ;;
esac
epoch=$(git log -1 --format=%ct 2>/dev/null || date -r configure.ac +%s)
revision=$(git rev-parse --short HEAD 2>/dev/null || echo release)
version=$(sed -n 's/^AC_INIT(\[lbdemo\], \[\([^]]*\)\].*/\1/p' configure.ac)
[ "${engine##*/}" = docker ] || set -- "$@" --timestamp "$epoch"
exec "$@" --build-arg BASE="$base" --build-arg SOURCE_DATE_EPOCH="$epoch" \
    --build-arg VERSION="$version" --build-arg REVISION="$revision" --tag "$image" .
