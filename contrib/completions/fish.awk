# A fish completion of one program: awk -f table.awk -f fish.awk PROGRAM.options
function quoted(text)
{
    gsub(/'/, "\\'", text)
    return "'" text "'"
}

function takes(i)
{
    if (kind[i] == "none")
        return ""
    if (kind[i] == "choice")
        return " -x -a " quoted(words_of(argument[i]))
    if (kind[i] == "folder")
        return " -x -a '(__fish_complete_directories)'"
    return kind[i] == "file" ? " -r -F" : " -x"
}

END {
    print "# fish completion of " name "; generated from its option tables"
    if (arguments("") != "files")
        print "complete -c " name " -f"
    for (i = 1; i <= commands; i++) {
        printf "complete -c %s -n __fish_use_subcommand -a %s -d %s\n", name, command[i], quoted(summary[command[i]])
        if (arguments(command[i]))
            printf "complete -c %s -n '__fish_seen_subcommand_from %s' -a %s\n", name, command[i],
                quoted(arguments(command[i]))
    }
    for (i = 1; i <= options; i++) {
        # A program with commands has its options with them.
        if (commands && of[i] == "" && long[i] != "help" && long[i] != "version")
            continue
        when = of[i] ? " -n '__fish_seen_subcommand_from " of[i] "'" : commands ? " -n __fish_use_subcommand" : ""
        printf "complete -c %s%s%s -l %s%s -d %s\n", name, when, letter[i] ? " -s " letter[i] : "", long[i],
            takes(i), quoted(help[i])
    }
}
