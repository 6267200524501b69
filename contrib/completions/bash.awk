# A bash completion of one program: awk -f table.awk -f bash.awk PROGRAM.options
function spelled(i) { return (letter[i] ? "-" letter[i] "|" : "") "--" long[i] }

# One case a kind of argument.
function print_values(context, indent,   i, free)
{
    free = ""
    for (i = 1; i <= options; i++) {
        if (of[i] != context || kind[i] == "none")
            continue
        if (kind[i] == "choice")
            printf "%s%s) mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\"); return ;;\n", indent,
                spelled(i), words_of(argument[i])
        else if (kind[i] == "text")
            free = free (free ? "|" : "") spelled(i)
        else
            printf "%s%s) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -%s -- \"$cur\"); return ;;\n",
                indent, spelled(i), kind[i] == "file" ? "f" : "d"
    }
    if (free)
        printf "%s%s) return ;;\n", indent, free
}

function names(context,   i, list)
{
    for (i = 1; i <= options; i++) {
        if (of[i] == context)
            list = list (list ? " " : "") "--" long[i]
    }
    return list
}

function print_context(context, indent,   first)
{
    print indent "case $prev in"
    print_values(context, indent)
    print indent "esac"
    first = arguments(context)
    print indent "if [[ $cur == -* ]]; then"
    printf "%s    mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\")\n", indent, names(context)
    if (first == "files") {
        print indent "else"
        print indent "    compopt -o filenames"
        print indent "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")"
    } else if (first) {
        print indent "else"
        printf "%s    mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\")\n", indent, first
    }
    print indent "fi"
}

END {
    print "# bash completion of " name "; generated from its option tables"
    print identifier(name) "()"
    print "{"
    print "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}"
    print "    COMPREPLY=()"
    print "    # --option=value comes as three words."
    print "    if [[ $cur == = ]]; then"
    print "        cur="
    print "    elif [[ $prev == = ]] && ((COMP_CWORD > 1)); then"
    print "        prev=${COMP_WORDS[COMP_CWORD - 2]}"
    print "    fi"
    if (commands) {
        for (i = 1; i <= commands; i++)
            all = all command[i] " "
        print "    if ((COMP_CWORD == 1)); then"
        printf "        mapfile -t COMPREPLY < <(compgen -W '%s--help --version' -- \"$cur\")\n", all
        print "        return"
        print "    fi"
        print "    case ${COMP_WORDS[1]} in"
        for (i = 1; i <= commands; i++) {
            print "    " command[i] ")"
            print_context(command[i], "        ")
            print "        ;;"
        }
        print "    esac"
    } else {
        print_context("", "    ")
    }
    print "}"
    print "complete -F " identifier(name) " " name
}
