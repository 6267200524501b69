# Entries of a .pot for the texts in the option tables: awk -f po/options.awk PROGRAM.options...
# (--print-options; src/common/options_help.h). A text is there once, however many programs have it.
BEGIN {
    FS = "\t"
    print "msgid \"\"\nmsgstr \"\"\n\"Content-Type: text/plain; charset=UTF-8\\n\"\n"
}

function entry(text)
{
    if (text == "" || text in seen)
        return
    seen[text] = 1
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    gsub(/\n/, "\\n", text)
    printf "#: %s --help\n#, no-c-format\nmsgid \"%s\"\nmsgstr \"\"\n\n", program, text
}

function end_epilog()
{
    entry(epilog)
    epilog = ""
}

$1 != "epilog" { end_epilog() }
$1 == "program" { program = $2; entry($4) }
$1 == "epilog" { epilog = epilog $2 "\n" }
$1 == "group" { entry($2) }
$1 == "option" && $2 != "help" && $2 != "version" { entry($7) }
END { end_epilog() }
