# Reads the option tables that a program prints with --print-options (src/common/options_help.h) into
# arrays, for the generators beside it, one a shell. A program with commands comes as its own table
# and then one for each command; `context` is the command, or "" for the program itself.
BEGIN { FS = "\t" }

$1 == "program" {
    name = $2
    context = contexts++ ? substr($3, 1, index($3 " ", " ") - 1) : ""
    synopsis[context] = $3
    summary[context] = first_sentence($4)
}
$1 == "command" { command[++commands] = $2 }
$1 == "option" {
    i = ++options
    of[i] = context; long[i] = $2; letter[i] = $3 == "-" ? "" : $3; many[i] = $4 == "many"
    kind[i] = $5; argument[i] = $6; help[i] = first_sentence($7)
}

function first_sentence(text,   end)
{
    end = index(text, ". ")
    text = end ? substr(text, 1, end - 1) : text
    sub(/\.$/, "", text)
    return text
}

# What stands first among the arguments of `context` that are no options: "files" for REPORT..., the
# words of A|B, or "".
function arguments(context,   words, n, i, list)
{
    n = split(synopsis[context], words, " ")
    for (i = 1; i <= n; i++) {
        if (words[i] == "REPORT...")
            return "files"
        if (words[i] ~ /^[a-z|]+$/ && index(words[i], "|")) {
            list = words[i]
            gsub(/\|/, " ", list)
            return list
        }
    }
    return ""
}

function words_of(choices)
{
    gsub(/\|/, " ", choices)
    return choices
}

function identifier(text)
{
    gsub(/-/, "_", text)
    return "_" text
}
