# One static library a folder, so that a program links only what it uses.
noinst_LIBRARIES += src/liblbcommon.a

src_liblbcommon_a_SOURCES = \
	src/common/address.c src/common/address.h \
	src/common/clock.c src/common/clock.h \
	src/common/error.c src/common/error.h \
	src/common/file.c src/common/file.h \
	src/common/grpc_compat.h \
	src/common/grpc_log.c src/common/grpc_log.h \
	src/common/grpc_queue.c src/common/grpc_queue.h \
	src/common/identity_headers.h \
	src/common/language.c src/common/language.h \
	src/common/log.c src/common/log.h \
	src/common/memory.c src/common/memory.h \
	src/common/options.c src/common/options.h \
	src/common/options_help.c src/common/options_help.h \
	src/common/tls.c src/common/tls.h \
	src/common/units.c src/common/units.h \
	src/common/utf8.c src/common/utf8.h

noinst_LIBRARIES += src/liblbserver.a

src_liblbserver_a_SOURCES = \
	src/server/access_log.c src/server/access_log.h \
	src/server/faults.c src/server/faults.h \
	src/server/connection_id.c src/server/connection_id.h \
	src/server/descriptors.c src/server/descriptors.h \
	src/server/grpc_accept.c src/server/grpc_accept.h \
	src/server/grpc_socket.c src/server/grpc_socket.h \
	src/server/grpc_access.c src/server/grpc_access.h \
	src/server/grpc_behavior.c src/server/grpc_behavior.h \
	src/server/grpc_call.c src/server/grpc_call.h \
	src/server/grpc_connections.c src/server/grpc_connections.h \
	src/server/grpc_cork.c src/server/grpc_cork.h \
	src/server/grpc_fault.c src/server/grpc_fault.h \
	src/server/grpc_headers.c src/server/grpc_headers.h \
	src/server/grpc_health.c \
	src/server/grpc_pod.c src/server/grpc_services.h \
	src/server/grpc_reflection.c \
	src/server/grpc_server.c src/server/grpc_server.h \
	src/server/grpc_stream.c src/server/grpc_stream.h \
	src/server/grpc_tls.c src/server/grpc_tls.h \
	src/server/grpc_timers.c src/server/grpc_timers.h src/server/grpc_worker.h \
	src/server/http_admin.c src/server/http_admin.h \
	src/server/http_body.c \
	src/server/http_chunked.c src/server/http_chunked.h \
	src/server/http_connection.c src/server/http_connection.h \
	src/server/http_head.c src/server/http_head.h \
	src/server/http_inject.c \
	src/server/http_reply.c src/server/http_reply.h \
	src/server/http_respond.c \
	src/server/http_routes.c src/server/http_routes.h \
	src/server/http_server.c src/server/http_server.h \
	src/server/http_service.c src/server/http_service.h \
	src/server/http_worker.h \
	src/server/identity.c src/server/identity.h \
	src/server/lifecycle.c src/server/lifecycle.h \
	src/server/listener.c src/server/listener.h \
	src/server/metrics.c src/server/metrics.h src/server/metrics_shard.h \
	src/server/metrics_text.c \
	src/server/page.h \
	src/server/proxy_headers.c src/server/proxy_headers.h \
	src/server/readiness.c src/server/readiness.h \
	src/server/server.c src/server/server.h \
	src/server/server_options.c src/server/server_options.h \
	src/server/server_tls.c src/server/server_tls.h \
	src/server/systemd.c src/server/systemd.h
nodist_src_liblbserver_a_SOURCES = src/server/page.c src/server/descriptor_set.c
EXTRA_DIST += src/server/page.html
CLEANFILES += src/server/page.c

# A C string a line.
src/server/page.c: $(top_srcdir)/src/server/page.html
	$(AM_V_GEN)$(MKDIR_P) $(@D) && { \
	echo '#include "server/page.h"'; echo 'const char lb_page[] ='; \
	$(SED) -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $(top_srcdir)/src/server/page.html; \
	echo ';'; } >$@.tmp && mv $@.tmp $@

sbin_PROGRAMS += lbdemo-server
lbdemo_server_SOURCES = src/lbdemo-server.c
lbdemo_server_LDADD = src/liblbserver.a proto/liblbproto.a src/liblbcommon.a \
	$(LIBEVENT_OPENSSL_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS) $(GRPC_LIBS) $(PROTOBUF_C_LIBS) \
	-lm -lpthread

noinst_LIBRARIES += src/liblbclient.a src/liblbhttpclient.a
src_liblbclient_a_SOURCES = \
	src/client/admin.c src/client/admin.h \
	src/client/client_metrics.c src/client/client_metrics.h \
	src/client/client_options.c src/client/client_options.h \
	src/client/client_report.c src/client/client_report.h \
	src/client/engine.c src/client/engine.h \
	src/client/settle.c src/client/settle.h \
	src/client/live.c src/client/live.h \
	src/client/live_page.h \
	src/client/output.c src/client/output.h \
	src/client/resolver.c src/client/resolver.h \
	src/client/run.c src/client/run.h \
	src/client/summary.c src/client/summary.h \
	src/client/tls_options.c src/client/tls_options.h \
	src/client/transport.h \
	src/client/vary.c src/client/vary.h
nodist_src_liblbclient_a_SOURCES = src/client/live_page.c
EXTRA_DIST += src/client/live_page.html
CLEANFILES += src/client/live_page.c

src/client/live_page.c: $(top_srcdir)/src/client/live_page.html
	$(AM_V_GEN)$(MKDIR_P) $(@D) && { \
	echo '#include "client/live_page.h"'; echo 'const char lb_live_page[] ='; \
	$(SED) -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $(top_srcdir)/src/client/live_page.html; \
	echo ';'; } >$@.tmp && mv $@.tmp $@

src_liblbhttpclient_a_SOURCES = \
	src/client/http_addresses.c src/client/http_addresses.h \
	src/client/http_cookies.c src/client/http_cookies.h \
	src/client/http_header.c src/client/http_header.h \
	src/client/http_identity.c src/client/http_identity.h \
	src/client/http_tls.c src/client/http_tls.h \
	src/client/http_transport.c src/client/http_transport.h \
	src/client/http_url.c src/client/http_url.h \
	src/client/http_wire.c src/client/http_wire.h

bin_PROGRAMS += lbdemo-http-client
lbdemo_http_client_SOURCES = src/lbdemo-http-client.c
lbdemo_http_client_LDADD = src/liblbhttpclient.a src/liblbclient.a src/liblbreport.a \
	src/liblbbalance.a src/liblbcommon.a $(LIBEVENT_OPENSSL_LIBS) $(LIBEVENT_LIBS) \
	$(JANSSON_LIBS) $(GSL_LIBS) -lm

noinst_LIBRARIES += src/liblbgrpcclient.a
src_liblbgrpcclient_a_SOURCES = \
	src/client/grpc_descriptor.c src/client/grpc_descriptor.h \
	src/client/grpc_identity.c src/client/grpc_identity.h \
	src/client/grpc_link.c src/client/grpc_link.h \
	src/client/grpc_lookup.c src/client/grpc_lookup.h \
	src/client/grpc_reflection.c src/client/grpc_reflection.h \
	src/client/grpc_service_config.c src/client/grpc_service_config.h \
	src/client/grpc_settings.c src/client/grpc_settings.h \
	src/client/grpc_status.c src/client/grpc_status.h \
	src/client/grpc_target.c src/client/grpc_target.h \
	src/client/grpc_transport.c src/client/grpc_transport.h \
	src/client/grpc_unary.c src/client/grpc_unary.h \
	src/client/grpc_wire.c src/client/grpc_wire.h

bin_PROGRAMS += lbdemo-grpc-client
lbdemo_grpc_client_SOURCES = src/lbdemo-grpc-client.c
lbdemo_grpc_client_LDADD = src/liblbgrpcclient.a src/liblbclient.a src/liblbreport.a src/liblbbalance.a \
	src/liblbcommon.a $(GRPC_LIBS) $(LIBEVENT_LIBS) $(LIBEVENT_OPENSSL_LIBS) $(JANSSON_LIBS) \
	$(GSL_LIBS) -lm

# The verdict: pure, includes nothing of the other folders.
noinst_LIBRARIES += src/liblbbalance.a

src_liblbbalance_a_SOURCES = \
	src/balance/advice.c src/balance/advice.h \
	src/balance/coin.c src/balance/coin.h \
	src/balance/connections.c \
	src/balance/counts.c \
	src/balance/diagnose.c \
	src/balance/evenness.c src/balance/evenness.h \
	src/balance/expect.c src/balance/expect.h \
	src/balance/facts.c \
	src/balance/feed.c src/balance/feed.h \
	src/balance/histogram.c src/balance/histogram.h \
	src/balance/layers.c src/balance/layers.h \
	src/balance/spread.c src/balance/spread.h \
	src/balance/leaves.c src/balance/leaves.h \
	src/balance/name_index.c src/balance/name_index.h \
	src/balance/null_distribution.c src/balance/null_distribution.h \
	src/balance/observation.h \
	src/balance/outcome.c \
	src/balance/pattern.c src/balance/pattern.h \
	src/balance/roster.c src/balance/roster.h \
	src/balance/schedule.c src/balance/schedule.h \
	src/balance/schedule_private.h \
	src/balance/segment.c src/balance/segment.h \
	src/balance/segment_check.c \
	src/balance/segment_equal.c \
	src/balance/segment_private.h \
	src/balance/shares.c \
	src/balance/stitch.c \
	src/balance/tally.c src/balance/tally.h \
	src/balance/text_block.c src/balance/text_block.h \
	src/balance/text_width.h \
	src/balance/timeline.c src/balance/timeline.h \
	src/balance/translate.h \
	src/balance/verdict.c src/balance/verdict.h \
	src/balance/verdict_private.h \
	src/balance/verdict_text.c src/balance/verdict_text.h
src_liblbbalance_a_CFLAGS = $(AM_CFLAGS) $(GSL_CFLAGS)

# The report: neither libevent nor gRPC.
noinst_LIBRARIES += src/liblbreport.a

src_liblbreport_a_SOURCES = \
	src/report/compare.c src/report/compare.h \
	src/report/compare_tests.c \
	src/report/expected.c src/report/expected.h \
	src/report/fields.c src/report/fields.h \
	src/report/groups.c \
	src/report/html.c src/report/html.h \
	src/report/html_lanes.c src/report/html_private.h \
	src/report/html_shares.c \
	src/report/html_timeline.c \
	src/report/inputs.c src/report/inputs.h \
	src/report/merge.c src/report/merge.h \
	src/report/place.c src/report/place.h \
	src/report/reader.c src/report/reader.h \
	src/report/report.c src/report/report.h \
	src/report/report_read.c src/report/report_read.h \
	src/report/report_text.c src/report/report_text.h \
	src/report/report_write.c src/report/report_write.h \
	src/report/run_fields.c src/report/run_fields.h \
	src/report/segment_fields.c src/report/segment_fields.h \
	src/report/segment_json.h \
	src/report/segment_read.c \
	src/report/segment_write.c \
	src/report/verdict_json.c src/report/verdict_json.h \
	src/report/weights.c src/report/weights.h \
	src/report/when.c src/report/when.h
nodist_src_liblbreport_a_SOURCES = src/report/page_css.c
EXTRA_DIST += src/report/page.css
CLEANFILES += src/report/page_css.c

# A C string a line.
src/report/page_css.c: $(top_srcdir)/src/report/page.css
	$(AM_V_GEN)$(MKDIR_P) $(@D) && { \
	echo '#include "report/html_private.h"'; echo 'const char lb_page_css[] ='; \
	$(SED) -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $(top_srcdir)/src/report/page.css; \
	echo ';'; } >$@.tmp && mv $@.tmp $@

bin_PROGRAMS += lbdemo-report
lbdemo_report_SOURCES = src/lbdemo-report.c
lbdemo_report_LDADD = src/liblbreport.a src/liblbbalance.a src/liblbcommon.a \
	$(JANSSON_LIBS) $(GSL_LIBS) -lm -lpthread
dist_pkgdata_DATA += src/report/lbdemo-report.schema.json
