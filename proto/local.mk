# The wire contracts. C is generated at build time and never shipped.
protos = \
	proto/api/protobuf/pod.proto \
	proto/lbdemo/v1/pod.proto
proto_sources = $(protos:.proto=.pb-c.c)
proto_headers = $(protos:.proto=.pb-c.h)

noinst_LIBRARIES += proto/liblbproto.a
nodist_proto_liblbproto_a_SOURCES = $(proto_sources) $(proto_headers)
# protoc-c's output is not ours to clean of warnings.
proto_liblbproto_a_CFLAGS = $(AM_CFLAGS) -w

EXTRA_DIST += $(protos)
BUILT_SOURCES += $(proto_headers)
CLEANFILES += $(proto_sources) $(proto_headers)

# One target a rule: a rule with two would run twice under make -j.
proto/%.pb-c.c: $(top_srcdir)/proto/%.proto
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(PROTOC_C) --proto_path=$(top_srcdir)/proto --c_out=$(top_builddir)/proto $<
proto/%.pb-c.h: proto/%.pb-c.c
	@test -f $@ || { rm -f $< && $(MAKE) $(AM_MAKEFLAGS) $<; }
