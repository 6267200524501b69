# mdoc pages, hand-written.
dist_man_MANS += \
	man/lbdemo.7 \
	man/lbdemo-server.8
