# A zsh completion of one program: awk -f table.awk -f zsh.awk PROGRAM.options
# For single quotes inside a specification of _arguments, where : [ ] have a meaning.
function quoted(text)
{
    gsub(/[\]\[:]/, "\\\\&", text)
    gsub(/'/, "'\\''", text)
    return text
}

function action(i)
{
    if (kind[i] == "none")
        return ""
    if (kind[i] == "choice")
        return ":" long[i] ":(" words_of(argument[i]) ")"
    return ":" quoted(argument[i]) ":" (kind[i] == "file" ? "_files" : kind[i] == "folder" ? "_path_files -/" : " ")
}

function print_context(context, indent,   i, takes, once, rest)
{
    printf "%s_arguments -s -S", indent
    for (i = 1; i <= options; i++) {
        if (of[i] != context)
            continue
        takes = kind[i] == "none" ? "" : "="
        rest = "[" quoted(help[i]) "]" action(i) "'"
        printf " \\\n%s    ", indent
        if (letter[i])
            printf "%s{-%s%s,--%s%s}'%s", (many[i] ? "\\*" : "'(-" letter[i] " --" long[i] ")'"), letter[i],
                (takes ? "+" : ""), long[i], takes, rest
        else
            printf "'%s--%s%s%s", (many[i] ? "*" : ""), long[i], takes, rest
    }
    first = arguments(context)
    if (first == "files")
        printf " \\\n%s    '*:report:_files'", indent
    else if (first)
        printf " \\\n%s    '1:protocol:(%s)'", indent, first
    print ""
}

END {
    print "#compdef " name
    print "# zsh completion; generated from the option tables"
    if (!commands) {
        print_context("", "")
        exit
    }
    print "local context state state_descr line"
    print "typeset -A opt_args"
    printf "_arguments -C '--help[Print help and exit]' '--version[Print the version and exit]' \\\n    '1:command:(("
    for (i = 1; i <= commands; i++)
        printf "%s%s\\:\"%s\"", (i > 1 ? " " : ""), command[i], quoted(summary[command[i]])
    print "))' '*::argument:->argument'"
    print "[[ $state == argument ]] || return"
    print "case $words[1] in"
    for (i = 1; i <= commands; i++) {
        print command[i] ")"
        print_context(command[i], "    ")
        print "    ;;"
    }
    print "esac"
}
