#!/bin/sh
# Loads the image into the nodes of a local cluster: load.sh kind|minikube ENGINE IMAGE, with ENGINE the
# one of buildah, podman, docker that has it. It goes through a file, since kind and minikube know
# docker's images alone.
set -eu
cluster=$1 engine=$2 image=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

case ${engine##*/} in
buildah) "$engine" push --quiet "$image" "docker-archive:$work/image.tar:$image" ;;
podman | docker) "$engine" save -o "$work/image.tar" "$image" ;;
*) echo "load.sh: '$engine' is none of buildah, podman, docker: set CONTAINER_ENGINE to the one that built the image" >&2; exit 2 ;;
esac
case $cluster in
kind) kind load image-archive "$work/image.tar" ;;
minikube) minikube image load "$work/image.tar" ;;
*) echo "load.sh: '$cluster' is neither kind nor minikube" >&2; exit 2 ;;
esac
