# Unit tests: one Check program a module.
check_programs_unit = \
	tests/unit/check_verdict \
	tests/unit/check_tally \
	tests/unit/check_schedule \
	tests/unit/check_pattern \
	tests/unit/check_histogram \
	tests/unit/check_evenness \
	tests/unit/check_coin \
	tests/unit/check_address \
	tests/unit/check_client_options \
	tests/unit/check_client_output \
	tests/unit/check_engine \
	tests/unit/check_http_cookies \
	tests/unit/check_http_identity \
	tests/unit/check_http_url \
	tests/unit/check_grpc_cork \
	tests/unit/check_descriptors \
	tests/unit/check_grpc_timers \
	tests/unit/check_grpc_descriptor \
	tests/unit/check_grpc_settings \
	tests/unit/check_grpc_status \
	tests/unit/check_grpc_target \
	tests/unit/check_grpc_wire \
	tests/unit/check_faults \
	tests/unit/check_http_chunked \
	tests/unit/check_http_head \
	tests/unit/check_http_routes \
	tests/unit/check_identity \
	tests/unit/check_listener \
	tests/unit/check_metrics \
	tests/unit/check_options \
	tests/unit/check_proxy_headers \
	tests/unit/check_text_width \
	tests/unit/check_tls \
	tests/unit/check_compare \
	tests/unit/check_report \
	tests/unit/check_units \
	tests/unit/check_utf8 \
	tests/unit/check_settle \
	tests/unit/check_vary
check_PROGRAMS += $(check_programs_unit)
TESTS += $(check_programs_unit)

unit_ldadd = src/liblbcommon.a $(CHECK_LIBS)
unit_balance_ldadd = src/liblbbalance.a $(unit_ldadd) $(GSL_LIBS) -lm
unit_server_ldadd = src/liblbserver.a $(unit_ldadd)
unit_client_ldadd = src/liblbclient.a src/liblbreport.a src/liblbbalance.a $(unit_ldadd) $(GSL_LIBS) $(JANSSON_LIBS) -lm
unit_http_client_ldadd = src/liblbhttpclient.a $(unit_ldadd) $(LIBEVENT_OPENSSL_LIBS) $(LIBEVENT_LIBS) $(JANSSON_LIBS)
unit_grpc_client_ldadd = src/liblbgrpcclient.a src/liblbclient.a $(unit_ldadd) $(LIBEVENT_OPENSSL_LIBS) $(JANSSON_LIBS)
unit_common = tests/unit/unit.h
# Check's own header does not pass -Wformat=2 -Wundef and is not ours.
unit_cflags = $(AM_CFLAGS) $(CHECK_CFLAGS) -Wno-format-nonliteral

tests_unit_check_address_SOURCES = tests/unit/check_address.c $(unit_common)
tests_unit_check_address_CFLAGS = $(unit_cflags)
tests_unit_check_address_LDADD = $(unit_ldadd)
tests_unit_check_client_options_SOURCES = tests/unit/check_client_options.c $(unit_common)
tests_unit_check_client_options_CFLAGS = $(unit_cflags)
tests_unit_check_client_options_LDADD = $(unit_client_ldadd)
tests_unit_check_client_output_SOURCES = tests/unit/check_client_output.c $(unit_common)
tests_unit_check_client_output_CFLAGS = $(unit_cflags)
tests_unit_check_client_output_LDADD = $(unit_client_ldadd)
tests_unit_check_engine_SOURCES = tests/unit/check_engine.c $(unit_common)
tests_unit_check_engine_CFLAGS = $(unit_cflags)
tests_unit_check_engine_LDADD = $(unit_client_ldadd)
tests_unit_check_http_cookies_SOURCES = tests/unit/check_http_cookies.c $(unit_common)
tests_unit_check_http_cookies_CFLAGS = $(unit_cflags)
tests_unit_check_http_cookies_LDADD = $(unit_http_client_ldadd)
tests_unit_check_http_identity_SOURCES = tests/unit/check_http_identity.c $(unit_common)
tests_unit_check_http_identity_CFLAGS = $(unit_cflags)
tests_unit_check_http_identity_LDADD = $(unit_http_client_ldadd)
tests_unit_check_http_url_SOURCES = tests/unit/check_http_url.c $(unit_common)
tests_unit_check_http_url_CFLAGS = $(unit_cflags)
tests_unit_check_http_url_LDADD = $(unit_http_client_ldadd)
tests_unit_check_grpc_cork_SOURCES = tests/unit/check_grpc_cork.c $(unit_common)
tests_unit_check_grpc_cork_CFLAGS = $(unit_cflags)
tests_unit_check_grpc_cork_LDADD = $(unit_server_ldadd)
tests_unit_check_descriptors_SOURCES = tests/unit/check_descriptors.c $(unit_common)
tests_unit_check_descriptors_CFLAGS = $(unit_cflags)
tests_unit_check_descriptors_LDADD = src/liblbserver.a proto/liblbproto.a $(unit_ldadd) \
	$(PROTOBUF_C_LIBS)
tests_unit_check_grpc_timers_SOURCES = tests/unit/check_grpc_timers.c $(unit_common)
tests_unit_check_grpc_timers_CFLAGS = $(unit_cflags)
tests_unit_check_grpc_timers_LDADD = $(unit_server_ldadd)
tests_unit_check_grpc_descriptor_SOURCES = tests/unit/check_grpc_descriptor.c $(unit_common)
tests_unit_check_grpc_descriptor_CFLAGS = $(unit_cflags)
tests_unit_check_grpc_descriptor_LDADD = $(unit_grpc_client_ldadd)
tests_unit_check_grpc_settings_SOURCES = tests/unit/check_grpc_settings.c $(unit_common)
tests_unit_check_grpc_settings_CFLAGS = $(unit_cflags)
tests_unit_check_grpc_settings_LDADD = $(unit_grpc_client_ldadd)
tests_unit_check_grpc_status_SOURCES = tests/unit/check_grpc_status.c $(unit_common)
tests_unit_check_grpc_status_CFLAGS = $(unit_cflags)
tests_unit_check_grpc_status_LDADD = $(unit_grpc_client_ldadd)
tests_unit_check_grpc_target_SOURCES = tests/unit/check_grpc_target.c $(unit_common)
tests_unit_check_grpc_target_CFLAGS = $(unit_cflags)
tests_unit_check_grpc_target_LDADD = $(unit_grpc_client_ldadd)
tests_unit_check_grpc_wire_SOURCES = tests/unit/check_grpc_wire.c $(unit_common)
tests_unit_check_grpc_wire_CFLAGS = $(unit_cflags)
tests_unit_check_grpc_wire_LDADD = $(unit_grpc_client_ldadd)
tests_unit_check_faults_SOURCES = tests/unit/check_faults.c $(unit_common)
tests_unit_check_faults_CFLAGS = $(unit_cflags)
tests_unit_check_faults_LDADD = $(unit_server_ldadd)
tests_unit_check_http_chunked_SOURCES = tests/unit/check_http_chunked.c $(unit_common)
tests_unit_check_http_chunked_CFLAGS = $(unit_cflags)
tests_unit_check_http_chunked_LDADD = $(unit_server_ldadd)
tests_unit_check_http_head_SOURCES = tests/unit/check_http_head.c $(unit_common)
tests_unit_check_http_head_CFLAGS = $(unit_cflags)
tests_unit_check_http_head_LDADD = $(unit_server_ldadd)
tests_unit_check_http_routes_SOURCES = tests/unit/check_http_routes.c $(unit_common)
tests_unit_check_http_routes_CFLAGS = $(unit_cflags)
tests_unit_check_http_routes_LDADD = $(unit_server_ldadd) $(JANSSON_LIBS)
tests_unit_check_identity_SOURCES = tests/unit/check_identity.c $(unit_common)
tests_unit_check_identity_CFLAGS = $(unit_cflags)
tests_unit_check_identity_LDADD = $(unit_server_ldadd)
tests_unit_check_metrics_SOURCES = tests/unit/check_metrics.c $(unit_common)
tests_unit_check_metrics_CFLAGS = $(unit_cflags)
tests_unit_check_metrics_LDADD = $(unit_server_ldadd)
tests_unit_check_listener_SOURCES = tests/unit/check_listener.c $(unit_common)
tests_unit_check_listener_CFLAGS = $(unit_cflags)
tests_unit_check_listener_LDADD = $(unit_server_ldadd)
tests_unit_check_options_SOURCES = tests/unit/check_options.c $(unit_common)
tests_unit_check_options_CFLAGS = $(unit_cflags)
tests_unit_check_options_LDADD = $(unit_ldadd)
tests_unit_check_proxy_headers_SOURCES = tests/unit/check_proxy_headers.c $(unit_common)
tests_unit_check_proxy_headers_CFLAGS = $(unit_cflags)
tests_unit_check_proxy_headers_LDADD = $(unit_server_ldadd)
tests_unit_check_text_width_SOURCES = tests/unit/check_text_width.c $(unit_common)
tests_unit_check_text_width_CFLAGS = $(unit_cflags)
tests_unit_check_text_width_LDADD = $(unit_ldadd)
tests_unit_check_tls_SOURCES = tests/unit/check_tls.c $(unit_common)
tests_unit_check_tls_CFLAGS = $(unit_cflags)
tests_unit_check_tls_LDADD = $(unit_ldadd) $(LIBEVENT_OPENSSL_LIBS)
tests_unit_check_units_SOURCES = tests/unit/check_units.c $(unit_common)
tests_unit_check_units_CFLAGS = $(unit_cflags)
tests_unit_check_units_LDADD = $(unit_ldadd)
tests_unit_check_settle_SOURCES = tests/unit/check_settle.c $(unit_common)
tests_unit_check_settle_CFLAGS = $(unit_cflags)
tests_unit_check_settle_LDADD = $(unit_client_ldadd)
tests_unit_check_vary_SOURCES = tests/unit/check_vary.c $(unit_common)
tests_unit_check_vary_CFLAGS = $(unit_cflags)
tests_unit_check_vary_LDADD = $(unit_client_ldadd)
tests_unit_check_utf8_SOURCES = tests/unit/check_utf8.c $(unit_common)
tests_unit_check_utf8_CFLAGS = $(unit_cflags)
tests_unit_check_utf8_LDADD = $(unit_ldadd)

tests_unit_check_coin_SOURCES = tests/unit/check_coin.c $(unit_common)
tests_unit_check_coin_CFLAGS = $(unit_cflags) $(GSL_CFLAGS)
tests_unit_check_coin_LDADD = $(unit_balance_ldadd)
tests_unit_check_evenness_SOURCES = tests/unit/check_evenness.c $(unit_common)
tests_unit_check_evenness_CFLAGS = $(unit_cflags) $(GSL_CFLAGS)
tests_unit_check_evenness_LDADD = $(unit_balance_ldadd)
tests_unit_check_histogram_SOURCES = tests/unit/check_histogram.c $(unit_common)
tests_unit_check_histogram_CFLAGS = $(unit_cflags) $(GSL_CFLAGS)
tests_unit_check_histogram_LDADD = $(unit_balance_ldadd)
tests_unit_check_pattern_SOURCES = tests/unit/check_pattern.c tests/unit/feed_runs.h $(unit_common)
tests_unit_check_pattern_CFLAGS = $(unit_cflags) $(GSL_CFLAGS)
tests_unit_check_pattern_LDADD = $(unit_balance_ldadd)
tests_unit_check_schedule_SOURCES = tests/unit/check_schedule.c tests/unit/feed_runs.h $(unit_common)
tests_unit_check_schedule_CFLAGS = $(unit_cflags) $(GSL_CFLAGS)
tests_unit_check_schedule_LDADD = $(unit_balance_ldadd)
tests_unit_check_tally_SOURCES = tests/unit/check_tally.c tests/unit/feed_runs.h $(unit_common)
tests_unit_check_tally_CFLAGS = $(unit_cflags) $(GSL_CFLAGS)
tests_unit_check_tally_LDADD = $(unit_balance_ldadd)
tests_unit_check_verdict_SOURCES = tests/unit/check_verdict.c tests/unit/feed_runs.h $(unit_common)
tests_unit_check_verdict_CFLAGS = $(unit_cflags) $(GSL_CFLAGS)
tests_unit_check_verdict_LDADD = $(unit_balance_ldadd)

# The simulation of the verdict: a few runs a cell with every check, all of them on demand.
check_PROGRAMS += tests/sim/check_verdict_sim
TESTS += tests/sim/check_verdict_sim
tests_sim_check_verdict_sim_SOURCES = \
	tests/sim/balancers.c tests/sim/balancers.h \
	tests/sim/check_verdict_sim.c \
	tests/sim/power.c tests/sim/power.h \
	tests/sim/run.c tests/sim/run.h
tests_sim_check_verdict_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/sim
tests_sim_check_verdict_sim_CFLAGS = $(AM_CFLAGS) $(GSL_CFLAGS)
tests_sim_check_verdict_sim_LDADD = src/liblbbalance.a $(GSL_LIBS) -lm
EXTRA_DIST += tests/sim/RESULTS.md

VERDICT_RUNS = 10000
VERDICT_JOBS = 2
.PHONY: check-verdict
check-verdict: tests/sim/check_verdict_sim
	nice -n 10 tests/sim/check_verdict_sim --runs $(VERDICT_RUNS) --jobs $(VERDICT_JOBS)
# The unit tests once more, each under valgrind's memcheck.
.PHONY: check-valgrind
check-valgrind: $(check_programs_unit)
	@valgrind --version
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(check_programs_unit)' LOG_COMPILER=valgrind \
		LOG_FLAGS='-q --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite'

# End-to-end tests: Python programs that exit 0 (passed), 77 (skipped, with the reason) or another
# status (failed). They find the built programs by LBDEMO_BIN.
# (The second SIGTERM ends the server at once, whatever threads it has: no thread leaks to report.)
AM_TESTS_ENVIRONMENT = \
	LBDEMO_BIN='$(abs_top_builddir)'; export LBDEMO_BIN; \
	LBDEMO_SOURCE='$(abs_top_srcdir)'; export LBDEMO_SOURCE; \
	TSAN_OPTIONS='ignore_noninstrumented_modules=1 halt_on_error=1 report_thread_leaks=0'; export TSAN_OPTIONS; \
	UBSAN_OPTIONS='print_stacktrace=1'; export UBSAN_OPTIONS;
TEST_EXTENSIONS = .py
PY_LOG_COMPILER = $(PYTHON)

e2e_tests = \
	tests/e2e/report.py \
	tests/e2e/report_page.py \
	tests/e2e/bootstrap.py \
	tests/e2e/debian.py \
	tests/e2e/balancer_traps.py \
	tests/e2e/cli.py \
	tests/e2e/completions.py \
	tests/e2e/client_side.py \
	tests/e2e/grpc_client.py \
	tests/e2e/grpc_client_tls.py \
	tests/e2e/grpc_server.py \
	tests/e2e/grpc_server_faults.py \
	tests/e2e/grpc_server_health.py \
	tests/e2e/grpc_server_limits.py \
	tests/e2e/grpc_server_metrics.py \
	tests/e2e/grpc_server_reflection.py \
	tests/e2e/grpc_server_stop.py \
	tests/e2e/grpc_server_tls.py \
	tests/e2e/h2_cases.py \
	tests/e2e/http_cases.py \
	tests/e2e/http_client.py \
	tests/e2e/http_client_tls.py \
	tests/e2e/http_verdict.py \
	tests/e2e/http_admin.py \
	tests/e2e/http_faults.py \
	tests/e2e/server_systemd.py \
	tests/e2e/translation.py \
	tests/e2e/http_restarts.py \
	tests/e2e/restarts.py \
	tests/e2e/connection_age.py \
	tests/e2e/http_server_tls.py \
	tests/e2e/http_server.py \
	tests/e2e/k8s.py \
	tests/e2e/kube.py \
	tests/e2e/dashboard.py \
	tests/e2e/manual.py \
	tests/e2e/tree.py
TESTS += $(e2e_tests)
EXTRA_DIST += $(e2e_tests) tests/cluster.sh tests/e2e/image.py tests/e2e/lbtest.py tests/e2e/grpclib.py tests/e2e/grpcpeer.py \
	tests/e2e/caselib.py tests/e2e/H2_CASES.md tests/e2e/HTTP_CASES.md \
	tests/e2e/haproxy.py tests/e2e/envoy.py tests/e2e/fakekubectl.py tests/e2e/nginx.py tests/e2e/rawhttp.py tests/e2e/http_backend.py

# What make install has put there runs and says what the tree's manual says.
installcheck-local:
	$(AM_TESTS_ENVIRONMENT) LBDEMO_INSTALLED=1 PATH='$(DESTDIR)$(bindir):$(DESTDIR)$(sbindir)':"$$PATH" \
	    $(PYTHON) '$(srcdir)/tests/e2e/cli.py'

# Servers restarted under load for as long as it takes to believe it.
CHECK_RESTARTS = 100
.PHONY: check-restarts
check-restarts: all
	$(AM_TESTS_ENVIRONMENT) RESTARTS=$(CHECK_RESTARTS) $(PYTHON) $(srcdir)/tests/e2e/restarts.py

# Slow: the tarball and the packages twice under other circumstances.
.PHONY: check-reproducible
check-reproducible:
	cd '$(top_srcdir)' && tests/reproducible.sh
EXTRA_DIST += tests/reproducible.sh

# Slow, and only for root: the package in a fresh Debian.
.PHONY: check-package
check-package:
	'$(top_srcdir)/tests/package.sh'
EXTRA_DIST += tests/package.sh

# Servers under clients of every kind and garbage, until a leak would show.
SOAK_MINUTES = 30
.PHONY: soak
soak: all
	$(AM_TESTS_ENVIRONMENT) SOAK_MINUTES=$(SOAK_MINUTES) $(PYTHON) $(srcdir)/tests/e2e/soak.py
EXTRA_DIST += tests/e2e/soak.py

# Writes the tables of protocol cases anew.
.PHONY: cases
cases: all
	$(AM_TESTS_ENVIRONMENT) UPDATE_CASES=1 $(PYTHON) $(srcdir)/tests/e2e/http_cases.py
	$(AM_TESTS_ENVIRONMENT) UPDATE_CASES=1 $(PYTHON) $(srcdir)/tests/e2e/h2_cases.py

# Slow, and only for root: builds the image twice.
.PHONY: check-image
check-image:
	$(AM_TESTS_ENVIRONMENT) $(PYTHON) '$(top_srcdir)/tests/e2e/image.py'

# Reports of simulated runs: make_reports writes them for the end-to-end tests and for measuring.
noinst_LIBRARIES += tests/report/libsample.a
tests_report_libsample_a_SOURCES = tests/report/sample.c tests/report/sample.h
unit_report_ldadd = tests/report/libsample.a src/liblbreport.a src/liblbbalance.a $(unit_ldadd) \
	$(JANSSON_LIBS) $(GSL_LIBS) -lm
check_PROGRAMS += tests/report/make_reports
tests_report_make_reports_SOURCES = tests/report/make_reports.c
tests_report_make_reports_LDADD = $(unit_report_ldadd)
tests_unit_check_compare_SOURCES = tests/unit/check_compare.c $(unit_common)
tests_unit_check_compare_CFLAGS = $(unit_cflags)
tests_unit_check_compare_LDADD = $(unit_report_ldadd)
tests_unit_check_report_SOURCES = tests/unit/check_report.c $(unit_common)
tests_unit_check_report_CFLAGS = $(unit_cflags)
tests_unit_check_report_LDADD = $(unit_report_ldadd)
