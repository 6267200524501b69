# Completions of the shells' command lines, generated from the tables that the programs print. A cross
# build cannot run them and has none.
completion_generators = \
	contrib/completions/bash.awk contrib/completions/fish.awk contrib/completions/zsh.awk
EXTRA_DIST += contrib/completions/table.awk $(completion_generators)

# Where each shell looks; Debian has its own folder for zsh (debian/rules).
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
fishcompletiondir = $(datadir)/fish/vendor_completions.d

completed = lbdemo-server lbdemo-http-client lbdemo-grpc-client lbdemo-report lbdemo-lab
if CAN_RUN
nodist_bashcompletion_DATA = $(completed:%=contrib/completions/bash/%)
nodist_zshcompletion_DATA = $(completed:%=contrib/completions/zsh/_%)
nodist_fishcompletion_DATA = $(completed:%=contrib/completions/fish/%.fish)
endif
CLEANFILES += $(nodist_bashcompletion_DATA) $(nodist_zshcompletion_DATA) $(nodist_fishcompletion_DATA) \
	$(completed:%=contrib/completions/%.options)
.PRECIOUS: contrib/completions/%.options

contrib/completions/%.options: %$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && { ./$< --print-options && \
	for command in $$(./$< --print-options | $(SED) -n 's/^command	//p'); do \
	    ./$< $$command --print-options || exit 1; done; } >$@.tmp && mv -f $@.tmp $@

generate_completion = $(AM_V_GEN)$(MKDIR_P) $(@D) && \
	$(AWK) -f $(srcdir)/contrib/completions/table.awk -f $(srcdir)/contrib/completions/$(1).awk $< \
	    >$@.tmp && mv -f $@.tmp $@
contrib/completions/bash/%: contrib/completions/%.options $(completion_generators) contrib/completions/table.awk
	$(call generate_completion,bash)
contrib/completions/zsh/_%: contrib/completions/%.options $(completion_generators) contrib/completions/table.awk
	$(call generate_completion,zsh)
contrib/completions/fish/%.fish: contrib/completions/%.options $(completion_generators) contrib/completions/table.awk
	$(call generate_completion,fish)
