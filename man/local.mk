# mdoc pages, hand-written.
dist_man_MANS += \
	man/lbdemo.7 \
	man/lbdemo-grpc-client.1 \
	man/lbdemo-http-client.1 \
	man/lbdemo-report.1 \
	man/lbdemo-report.5 \
	man/lbdemo-server.8

# The pages as HTML in man/html/: make html. They link to each other, and to Debian's for other pages
# (mandoc takes the first form for pages in its folder).
man_link = %N.%S.html;https://manpages.debian.org/%N.%S
.PHONY: html-local
html-local: $(dist_man_MANS)
	@test -n '$(MANDOC)' || { echo 'make html needs mandoc: install the Debian package mandoc' >&2; exit 1; }
	$(AM_V_GEN)rm -rf man/html && $(MKDIR_P) man/html && cd '$(srcdir)/man' && \
	for page in $(dist_man_MANS:man/%=%); do \
	    $(MANDOC) -Thtml -O'man=$(man_link),toc' $$page >'$(abs_top_builddir)'/man/html/$$page.html || exit 1; \
	done && cd '$(abs_top_builddir)'/man/html && cp lbdemo.7.html index.html
