# Figures, never tests: CPU time a request beside a peer's. BENCH_ROUNDS and BENCH_SECONDS set how long.
bench_peers = \
	bench/peers/http.go \
	bench/peers/grpc/go.mod bench/peers/grpc/go.sum bench/peers/grpc/main.go
EXTRA_DIST += bench/bench.py bench/held.py bench/merge.py bench/servers.py bench/RESULTS.md $(bench_peers)

bench_options = --build '$(abs_top_builddir)' --source '$(abs_top_srcdir)' --compiler '$(CC) $(CFLAGS)'
bench_run = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) $(srcdir)/bench/bench.py $(bench_options)
bench_held = PYTHONDONTWRITEBYTECODE=1 $(PYTHON) $(srcdir)/bench/held.py $(bench_options)

.PHONY: bench bench-record
bench: all
	@$(bench_run)
bench-record: all
	@$(bench_run) --command 'make bench-record' --record $(srcdir)/bench/RESULTS.md

# What idle connections cost.
.PHONY: bench-held bench-held-record
bench-held: all
	@$(bench_held)
bench-held-record: all
	@$(bench_held) --command 'make bench-held-record' --record $(srcdir)/bench/RESULTS.md

# The verdict's own cost.
EXTRA_PROGRAMS += bench/bench_verdict
bench_bench_verdict_SOURCES = bench/bench_verdict.c
bench_bench_verdict_CFLAGS = $(AM_CFLAGS) $(GSL_CFLAGS)
bench_bench_verdict_LDADD = src/liblbbalance.a $(GSL_LIBS) -lm
CLEANFILES += bench/bench_verdict
.PHONY: bench-verdict
bench-verdict: bench/bench_verdict
	bench/bench_verdict

# What merging costs.
.PHONY: bench-merge
bench-merge: lbdemo-report tests/report/make_reports
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) $(srcdir)/bench/merge.py '$(abs_top_builddir)'
