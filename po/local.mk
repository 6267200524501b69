# Catalogues of translated messages. `make update-po` brings them up to date with the sources; a test
# fails while one is not complete.
languages = zh_CN
EXTRA_DIST += po/extract.sh po/options.awk $(languages:%=po/%.po)

catalogue_zh_CNdir = $(localedir)/zh_CN/LC_MESSAGES
nodist_catalogue_zh_CN_DATA = po/zh_CN/LC_MESSAGES/lbdemo.mo
CLEANFILES += $(languages:%=po/%/LC_MESSAGES/lbdemo.mo) po/lbdemo.pot

po/%/LC_MESSAGES/lbdemo.mo: po/%.po
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(MSGFMT) -c -o $@.tmp $< && mv -f $@.tmp $@

po/lbdemo.pot: $(completed:%=contrib/completions/%.options) all-am
	$(AM_V_GEN)$(MKDIR_P) $(@D) && '$(srcdir)/po/extract.sh' '$(srcdir)' \
	    $(completed:%=contrib/completions/%.options) >$@.tmp && mv -f $@.tmp $@

.PHONY: update-po
update-po: po/lbdemo.pot
	@for language in $(languages); do \
	    msgmerge --quiet --no-wrap --update --backup=none '$(srcdir)'/po/$$language.po po/lbdemo.pot && \
	    msgattrib --no-obsolete --no-wrap -o '$(srcdir)'/po/$$language.po '$(srcdir)'/po/$$language.po && \
	    echo $$language: && msgfmt -c --statistics -o /dev/null '$(srcdir)'/po/$$language.po || exit 1; \
	done
