# Fuzz targets. Without --enable-fuzzer each is a plain test that replays its seeds; with it, `make
# fuzz` runs each under libFuzzer for FUZZ_SECONDS.
fuzz_programs = \
	tests/fuzz/fuzz_faults \
	tests/fuzz/fuzz_grpc_descriptor \
	tests/fuzz/fuzz_grpc_wire \
	tests/fuzz/fuzz_http_chunked \
	tests/fuzz/fuzz_http_head \
	tests/fuzz/fuzz_http_reply \
	tests/fuzz/fuzz_http_url \
	tests/fuzz/fuzz_report
check_PROGRAMS += $(fuzz_programs)

if FUZZER
fuzz_driver =
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
else
fuzz_driver = tests/fuzz/replay.c
fuzz_ldflags = $(AM_LDFLAGS)
TESTS += $(fuzz_programs)
endif

tests_fuzz_fuzz_faults_SOURCES = tests/fuzz/fuzz_faults.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_faults_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_faults_LDADD = src/liblbserver.a src/liblbcommon.a -lm
tests_fuzz_fuzz_grpc_descriptor_SOURCES = tests/fuzz/fuzz_grpc_descriptor.c tests/fuzz/fuzz.h \
	$(fuzz_driver)
tests_fuzz_fuzz_grpc_descriptor_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_grpc_descriptor_LDADD = src/liblbgrpcclient.a src/liblbcommon.a -lm
tests_fuzz_fuzz_grpc_wire_SOURCES = tests/fuzz/fuzz_grpc_wire.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_grpc_wire_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_grpc_wire_LDADD = src/liblbgrpcclient.a src/liblbcommon.a -lm
tests_fuzz_fuzz_http_chunked_SOURCES = tests/fuzz/fuzz_http_chunked.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_http_chunked_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_http_chunked_LDADD = src/liblbserver.a src/liblbcommon.a -lm
tests_fuzz_fuzz_http_head_SOURCES = tests/fuzz/fuzz_http_head.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_http_head_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_http_head_LDADD = src/liblbserver.a src/liblbcommon.a -lm
tests_fuzz_fuzz_http_reply_SOURCES = tests/fuzz/fuzz_http_reply.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_http_reply_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_http_reply_LDADD = src/liblbhttpclient.a src/liblbcommon.a $(LIBEVENT_LIBS) \
	$(JANSSON_LIBS) -lm
tests_fuzz_fuzz_http_url_SOURCES = tests/fuzz/fuzz_http_url.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_http_url_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_http_url_LDADD = src/liblbhttpclient.a src/liblbcommon.a $(LIBEVENT_LIBS) -lm
tests_fuzz_fuzz_report_SOURCES = tests/fuzz/fuzz_report.c tests/fuzz/fuzz.h $(fuzz_driver)
tests_fuzz_fuzz_report_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_report_LDADD = src/liblbreport.a src/liblbbalance.a src/liblbcommon.a \
	$(JANSSON_LIBS) $(GSL_LIBS) -lm

FUZZ_SECONDS = 60
.PHONY: fuzz
if FUZZER
# New inputs go into the build tree, the seeds are only read. What makes a target fail is kept as
# fuzz-NAME-*.
fuzz: $(fuzz_programs)
	@for target in $(fuzz_programs); do \
		name=$${target##*/fuzz_}; \
		$(MKDIR_P) tests/fuzz/found/$$name || exit 1; \
		./$$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
			-artifact_prefix=fuzz-$$name- tests/fuzz/found/$$name \
			$(srcdir)/tests/fuzz/corpus/$$name || exit 1; \
	done
else
fuzz:
	@echo 'make fuzz needs ./configure --enable-fuzzer CC=clang (packages clang and libclang-rt-14-dev)' >&2
	@exit 1
endif

EXTRA_DIST += \
	tests/fuzz/replay.c \
	$(fuzz_corpus)
fuzz_corpus = \
	tests/fuzz/corpus/faults/all \
	tests/fuzz/corpus/faults/bad-share \
	tests/fuzz/corpus/faults/delay \
	tests/fuzz/corpus/faults/empty-part \
	tests/fuzz/corpus/faults/reset \
	tests/fuzz/corpus/faults/unknown \
	tests/fuzz/corpus/http_chunked/bare-lf \
	tests/fuzz/corpus/http_chunked/chunks \
	tests/fuzz/corpus/http_chunked/extensions \
	tests/fuzz/corpus/http_chunked/overflow \
	tests/fuzz/corpus/http_chunked/prefix \
	tests/fuzz/corpus/http_chunked/too-large \
	tests/fuzz/corpus/http_head/absolute \
	tests/fuzz/corpus/http_head/bare-lf \
	tests/fuzz/corpus/http_head/blank \
	tests/fuzz/corpus/http_head/chunked \
	tests/fuzz/corpus/http_head/empty \
	tests/fuzz/corpus/http_head/get \
	tests/fuzz/corpus/http_head/options \
	tests/fuzz/corpus/http_head/post \
	tests/fuzz/corpus/http_head/smuggling \
	tests/fuzz/corpus/grpc_descriptor/empty \
	tests/fuzz/corpus/grpc_descriptor/error \
	tests/fuzz/corpus/grpc_descriptor/files \
	tests/fuzz/corpus/grpc_wire/deep \
	tests/fuzz/corpus/grpc_wire/empty \
	tests/fuzz/corpus/grpc_wire/groups \
	tests/fuzz/corpus/grpc_wire/length-beyond-end \
	tests/fuzz/corpus/grpc_wire/longest-varint \
	tests/fuzz/corpus/grpc_wire/name \
	tests/fuzz/corpus/grpc_wire/nested \
	tests/fuzz/corpus/grpc_wire/numbers \
	tests/fuzz/corpus/grpc_wire/overlong-varint \
	tests/fuzz/corpus/grpc_wire/unended-group \
	tests/fuzz/corpus/report/cut \
	tests/fuzz/corpus/report/merged \
	tests/fuzz/corpus/report/new-connections \
	tests/fuzz/corpus/report/one-error \
	tests/fuzz/corpus/report/per-connection \
	tests/fuzz/corpus/report/probe \
	tests/fuzz/corpus/http_reply/bad-connection \
	tests/fuzz/corpus/http_reply/body \
	tests/fuzz/corpus/http_reply/header \
	tests/fuzz/corpus/http_reply/json \
	tests/fuzz/corpus/http_reply/json-cut \
	tests/fuzz/corpus/http_reply/json-deep \
	tests/fuzz/corpus/http_reply/json-root \
	tests/fuzz/corpus/http_reply/ours \
	tests/fuzz/corpus/http_url/bare \
	tests/fuzz/corpus/http_url/https \
	tests/fuzz/corpus/http_url/ipv6 \
	tests/fuzz/corpus/http_url/port \
	tests/fuzz/corpus/http_url/user
