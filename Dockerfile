# One image with all programs and only what they link: no shell, no package manager.
#   docker|podman build -t lbdemo .          buildah bud -t lbdemo .
# Reproducible: the same BASE, sources and SOURCE_DATE_EPOCH give the same layer.
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS build
ARG SOURCE_DATE_EPOCH=0
COPY build-aux/debian-packages /src/build-aux/
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      $(sed -n 's/ build$//p' /src/build-aux/debian-packages) ca-certificates
COPY . /src
WORKDIR /build
RUN cd /src && ./bootstrap && cd /build && \
    /src/configure --prefix=/usr --sbindir=/usr/bin CFLAGS="-O2 -ffile-prefix-map=/src=. -ffile-prefix-map=/build=." && \
    make -j"$(nproc)" && make install-strip DESTDIR=/image
# The image's files: the programs, the libraries they link, certificates of authorities, one user.
RUN set -eu; cd /image; \
    rm -rf usr/share/man usr/share/locale usr/share/bash-completion usr/share/zsh usr/share/fish; \
    ldd usr/bin/* | sed -n 's|.*=> \(/[^ ]*\) .*|\1|p; s|^[[:space:]]*\(/lib[^ ]*ld-[^ ]*\) .*|\1|p' | sort -u | \
    while read -r lib; do mkdir -p ".$(dirname "$lib")"; cp -L "$lib" ".$lib"; done; \
    mkdir -p etc/ssl/certs tmp; chmod 1777 tmp; \
    cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/; \
    echo 'hosts: files dns' >etc/nsswitch.conf; \
    echo 'lbdemo:x:65532:65532:lbdemo:/:/nonexistent' >etc/passwd; \
    echo 'lbdemo:x:65532:' >etc/group; \
    find . -exec touch -h -d "@${SOURCE_DATE_EPOCH}" {} +

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="lbdemo" \
      org.opencontainers.image.description="Is HTTP and gRPC traffic balanced, by whom, and how evenly" \
      org.opencontainers.image.licenses="GPL-3.0-or-later" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
USER 65532:65532
EXPOSE 8080 30051
ENTRYPOINT ["/usr/bin/lbdemo-server"]
