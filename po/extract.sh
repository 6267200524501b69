#!/bin/sh
# Prints the template of the catalogues (.pot): the messages in the sources and in the option tables.
#   po/extract.sh SOURCE-FOLDER PROGRAM.options...
set -eu
sources=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -f "$sources/po/options.awk" "$@" >"$work/options.pot"
# In the C locale and by name, so that the order is the same everywhere.
(cd "$sources" && LC_ALL=C find src -name '*.c' ! -name templates.c ! -name '*page.c' ! -name '*page_css.c' \
    ! -name descriptor_set.c | LC_ALL=C sort) >"$work/files"
xgettext --from-code=UTF-8 --directory="$sources" --files-from="$work/files" --output="$work/code.pot" \
    --package-name=lbdemo --msgid-bugs-address=https://github.com/lbdemo/lbdemo/issues \
    --copyright-holder='the lbdemo authors' --no-location --keyword \
    --keyword=N_ --keyword=lb_text --keyword=lb_text_n:1,2 --keyword=lb_error_set:2 --keyword=lb_place_fail:2 \
    --keyword=lb_tr:2 --keyword=part:2 --keyword=say:6 \
    --flag=lb_error_set:2:c-format --flag=lb_place_fail:2:c-format --flag=say:6:c-format \
    --flag=lb_text:1:pass-c-format --flag=lb_tr:2:pass-c-format --flag=part:2:pass-c-format
# Without its date, so that a catalogue changes with its messages only.
msgcat --use-first --no-location --no-wrap "$work/code.pot" "$work/options.pot" | sed '/^"POT-Creation-Date:/d'
