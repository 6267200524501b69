# The demonstration in a cluster. Targets as in the demonstration; settings: see contrib/k8s/kube.sh.
CONTAINER_ENGINE ?= $(firstword $(foreach e,buildah podman docker,$(if $(shell command -v $(e)),$(e))))
IMAGE ?= localhost/lbdemo:dev
BASE_IMAGE ?= docker.io/library/debian:bookworm-slim
OVERLAY ?= service
NAMESPACE ?= lbdemo
kube = IMAGE='$(IMAGE)' OVERLAY='$(OVERLAY)' NAMESPACE='$(NAMESPACE)' \
	LBDEMO_REPORT='$(abs_top_builddir)/lbdemo-report' '$(top_srcdir)/contrib/k8s/kube.sh'

# What git has is what is shipped; without git (from a tarball) it is what the tarball has.
k8s_files = Dockerfile .dockerignore contrib/k8s
EXTRA_DIST += $(k8s_files)

.PHONY: init protoc docker-build kube-deploy kube-verdict kube-fleet kube-delete istio-inject istio-uninstall \
	kind-load minikube-load
init:
	'$(top_srcdir)/contrib/k8s/kube.sh' init
protoc: $(proto_sources)
docker-build:
	'$(top_srcdir)/contrib/k8s/image.sh' '$(CONTAINER_ENGINE)' '$(IMAGE)' '$(BASE_IMAGE)'
kube-deploy:
	$(kube) deploy
kube-verdict: lbdemo-report
	$(kube) verdict
kube-fleet: lbdemo-report
	$(kube) fleet
kube-delete:
	$(kube) delete
istio-inject:
	$(kube) inject
istio-uninstall:
	$(kube) uninstall
kind-load minikube-load:
	'$(top_srcdir)/contrib/k8s/load.sh' '$(@:-load=)' '$(CONTAINER_ENGINE)' '$(IMAGE)'

# systemd units, for those who give --with-systemdsystemunitdir (Debian's package does).
systemd_units = \
	contrib/systemd/lbdemo-server.service \
	contrib/systemd/lbdemo-server@.service \
	contrib/systemd/lbdemo-server.socket
EXTRA_DIST += $(systemd_units:=.in)
CLEANFILES += $(systemd_units)
if SYSTEMD
nodist_systemdsystemunit_DATA = $(systemd_units)
endif

contrib/systemd/%: $(top_srcdir)/contrib/systemd/%.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(SED) 's|@sbindir[@]|$(sbindir)|g' $< >$@

# Source and binary packages from a clean checkout, built outside the tree; lbdemo.deb is a link.
.PHONY: deb
deb:
	'$(top_srcdir)/contrib/build-deb.sh'
EXTRA_DIST += contrib/build-deb.sh

# Whether all is there for a release.
.PHONY: release-check
release-check:
	'$(top_srcdir)/contrib/release-check.sh'
EXTRA_DIST += contrib/release-check.sh
