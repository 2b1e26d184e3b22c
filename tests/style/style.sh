#!/bin/sh
# The rules of the house that a script can see: no function that is easy to misuse, no file that grew too long, a comment
# at the top of every file that says why it exists. Prints a line per finding; exit 1 when there is any.
# usage: style.sh [ROOT]
set -eu
cd "${1:-$(dirname "$0")/../..}"

for dir in src gen tests bench; do
	[ -d "$dir" ] && find "$dir" -name '*.[ch]'
done | LC_ALL=C sort | xargs awk '
function bad(file, line, text) {
	print file ":" line ": " text
	count++
}

# The line without comments, strings and character constants; in_comment carries over line ends.
function code_of(line,   out, c, two, i, n) {
	n = length(line)
	for (i = 1; i <= n; i++) {
		c = substr(line, i, 1)
		two = substr(line, i, 2)
		if (in_comment) {
			if (two == "*/") {
				in_comment = 0
				i++
			}
		} else if (quote != "") {
			if (c == "\\")
				i++
			else if (c == quote)
				quote = ""
		} else if (two == "/*") {
			in_comment = 1
			i++
		} else if (two == "//") {
			break
		} else if (c == "\"" || c == "\047") {
			quote = c
		} else {
			out = out c
		}
	}
	quote = ""
	return out
}

FNR == 1 {
	in_comment = 0
	if (last_file != "" && last_line > 800)
		bad(last_file, last_line, "the file has more than 800 lines; what is hiding in it?")
	if ($0 !~ /^\/\*/)
		bad(FILENAME, 1, "the file does not start with a comment that says what it does")
}

{
	last_file = FILENAME
	last_line = FNR
	code = code_of($0)
	if (match(code, /(^|[^A-Za-z0-9_])(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|localtime|gets|system)[ \t]*\(/)) {
		name = substr(code, RSTART, RLENGTH)
		gsub(/[^A-Za-z0-9_]/, "", name)
		bad(FILENAME, FNR, name "() is not used here; see the helpers in base/")
	}
}

END {
	if (last_line > 800)
		bad(last_file, last_line, "the file has more than 800 lines; what is hiding in it?")
	exit count > 0
}'
