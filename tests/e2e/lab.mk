# The tests of lbdemo-lab.
lab_tests = \
	tests/e2e/lab_demo.py \
	tests/e2e/lab_kernel.py \
	tests/e2e/lab_matrix.py \
	tests/e2e/lab_up.py \
	tests/e2e/lab_topologies.py
TESTS += $(lab_tests)
EXTRA_DIST += $(lab_tests) tests/e2e/lablib.py tests/e2e/MATRIX.md

check_PROGRAMS += tests/unit/check_lab
TESTS += tests/unit/check_lab
tests_unit_check_lab_SOURCES = tests/unit/check_lab.c $(unit_common)
tests_unit_check_lab_CFLAGS = $(unit_cflags)
tests_unit_check_lab_LDADD = src/liblblab.a $(unit_ldadd) $(LIBEVENT_LIBS) $(JANSSON_LIBS) -lm
