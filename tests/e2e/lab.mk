# The tests of lbdemo-lab.
lab_tests = \
	tests/e2e/lab_topologies.py
TESTS += $(lab_tests)
EXTRA_DIST += $(lab_tests) tests/e2e/lablib.py
