# lbdemo-lab. The balancers' configuration templates are compiled in.
noinst_LIBRARIES += src/liblblab.a

lab_templates = \
	src/lab/templates/envoy.yaml.in \
	src/lab/templates/envoy-weighted.yaml.in \
	src/lab/templates/haproxy-cookie.cfg.in \
	src/lab/templates/haproxy-http.cfg.in \
	src/lab/templates/haproxy-tcp.cfg.in \
	src/lab/templates/kube-proxy.iptables.in \
	src/lab/templates/kube-proxy.nft.in \
	src/lab/templates/nginx-http.conf.in \
	src/lab/templates/nginx-stream.conf.in
EXTRA_DIST += $(lab_templates) src/lab/embed.sh

src_liblblab_a_SOURCES = \
	src/lab/balancer.h \
	src/lab/choose.c src/lab/commands.h \
	src/lab/client.c src/lab/client.h \
	src/lab/clientside.c \
	src/lab/demo.c \
	src/lab/dns.c src/lab/dns.h \
	src/lab/envoy.c \
	src/lab/haproxy.c \
	src/lab/kernel.c src/lab/kernel.h \
	src/lab/lab.c src/lab/lab.h \
	src/lab/listeners.c \
	src/lab/matrix.c \
	src/lab/nginx.c \
	src/lab/probe.c src/lab/probe.h \
	src/lab/process.c src/lab/process.h \
	src/lab/programs.c src/lab/programs.h \
	src/lab/servers.c src/lab/servers.h \
	src/lab/standing.c \
	src/lab/state.c src/lab/state.h \
	src/lab/supervisor.c src/lab/supervisor.h \
	src/lab/template.c src/lab/template.h \
	src/lab/topology.c src/lab/topology.h \
	src/lab/up.c \
	src/lab/words.c src/lab/words.h
nodist_src_liblblab_a_SOURCES = src/lab/templates.c
CLEANFILES += src/lab/templates.c

src/lab/templates.c: $(lab_templates) src/lab/embed.sh
	$(AM_V_GEN)$(MKDIR_P) src/lab && for f in $(lab_templates); do echo "$(srcdir)/$$f"; done | \
	    xargs $(SHELL) $(srcdir)/src/lab/embed.sh >$@.tmp && mv -f $@.tmp $@

dist_man_MANS += man/lbdemo-lab.1
bin_PROGRAMS += lbdemo-lab
lbdemo_lab_SOURCES = src/lbdemo-lab.c
lbdemo_lab_LDADD = src/liblblab.a src/liblbcommon.a $(LIBEVENT_LIBS) $(JANSSON_LIBS) -lm

# The demonstration: programs of this tree, Envoy where bootstrap has put it.
.PHONY: demo
demo: all
	@envoy=$${LBDEMO_ENVOY-}; \
	if test -z "$$envoy" && test -x $(abs_top_srcdir)/.tools/envoy; then \
	    envoy=$(abs_top_srcdir)/.tools/envoy; fi; \
	LBDEMO_ENVOY=$$envoy ./lbdemo-lab demo --logs demo-logs

# The verdicts on real balancers, as often as tells something. As root the kernel's are among them.
LAB_REPEAT = 100
.PHONY: check-verdict-lab
check-verdict-lab: all
	@envoy=$${LBDEMO_ENVOY-}; \
	if test -z "$$envoy" && test -x $(abs_top_srcdir)/.tools/envoy; then \
	    envoy=$(abs_top_srcdir)/.tools/envoy; fi; \
	LBDEMO_ENVOY=$$envoy ./lbdemo-lab matrix --repeat $(LAB_REPEAT) --logs check-verdict-logs
check-verdict: check-verdict-lab
