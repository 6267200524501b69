# The wire contracts. C is generated at build time and never shipped.
protos_served = \
	proto/api/protobuf/pod.proto \
	proto/grpc/health/v1/health.proto \
	proto/grpc/reflection/v1/reflection.proto \
	proto/grpc/reflection/v1alpha/reflection.proto \
	proto/lbdemo/v1/pod.proto
protos = $(protos_served) \
	proto/lbdemo/descriptor/descriptor.proto
proto_sources = $(protos:.proto=.pb-c.c)
proto_headers = $(protos:.proto=.pb-c.h)

noinst_LIBRARIES += proto/liblbproto.a
nodist_proto_liblbproto_a_SOURCES = $(proto_sources) $(proto_headers)
# protoc-c's output is not ours to clean of warnings.
proto_liblbproto_a_CFLAGS = $(AM_CFLAGS) -w

EXTRA_DIST += $(protos)
BUILT_SOURCES += $(proto_headers)
# BUILT_SOURCES are made before all and check only; one program or `make fuzz` alone needs them too.
$(src_liblbserver_a_OBJECTS): | $(proto_headers)
CLEANFILES += $(proto_sources) $(proto_headers)

# One target a rule: a rule with two would run twice under make -j.
proto/%.pb-c.c: $(top_srcdir)/proto/%.proto
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(PROTOC_C) --proto_path=$(top_srcdir)/proto --c_out=$(top_builddir)/proto $<
proto/%.pb-c.h: proto/%.pb-c.c
	@test -f $@ || { rm -f $< && $(MAKE) $(AM_MAKEFLAGS) $<; }

# What server reflection hands out: protoc's descriptors of the served contracts as a C array.
proto/served.binpb: $(protos_served)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(PROTOC) --proto_path=$(top_srcdir)/proto --include_imports \
		--descriptor_set_out=$@ $(protos_served:proto/%=%)
src/server/descriptor_set.c: proto/served.binpb
	$(AM_V_GEN)$(MKDIR_P) $(@D) && { echo '#include "server/descriptors.h"'; \
	echo 'const unsigned char lb_descriptor_set[] = {'; \
	od -An -v -tu1 proto/served.binpb | $(SED) -e 's/[0-9][0-9]*/&,/g'; echo '};'; \
	echo 'const size_t lb_descriptor_set_size = sizeof lb_descriptor_set;'; } >$@.tmp && mv $@.tmp $@
CLEANFILES += proto/served.binpb src/server/descriptor_set.c
