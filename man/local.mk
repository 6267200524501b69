# mdoc pages, hand-written.
dist_man_MANS += \
	man/lbdemo.7 \
	man/lbdemo-grpc-client.1 \
	man/lbdemo-http-client.1 \
	man/lbdemo-report.1 \
	man/lbdemo-report.5 \
	man/lbdemo-server.8
