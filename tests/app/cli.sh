#!/bin/sh
# The command line as a person meets it: help everywhere, clear words for mistakes, exit status 0, 1 and 2.
. "$(dirname "$0")/lib.sh"

run --version
expect "version" 0
says "version says which" out '^firth [0-9]+\.[0-9]+'
run --help
expect "help" 0
for verb in serve import 'audit verify' 'patient find' 'pipeline run' 'config check' demo; do
	says "help lists $verb" out "^  $verb "
done
run
expect "no command at all" 2
says "no command shows help" err 'Exit status'
run imprt
expect "mistyped command" 2
says "mistyped command: the near name" err "did you mean 'import'"
run frobnicate
expect "unknown command" 2
run audit
expect "half a command" 2
says "half a command lists the rest" err 'audit verify'
run audit --help
expect "help of a group" 0
says "help of a group lists it" out 'audit list'

# Every command has help, and takes no unknown option.
"$firth" --help | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p' >"$scratch/verbs"
holds "help lists at least seven commands" test "$(wc -l <"$scratch/verbs")" -ge 7
while read -r verb; do
	# shellcheck disable=SC2086
	run $verb --help
	expect "$verb --help" 0
	says "$verb --help shows usage" out "^usage: firth $verb"
	# shellcheck disable=SC2086
	run $verb --no-such-option
	expect "$verb with an unknown option" 2
	says "$verb names the unknown option" err 'no-such-option'
done <"$scratch/verbs"

# Completion asks the program itself.
run completion
expect "completion for no shell" 2
run completion csh
expect "completion for a shell that is not known" 2
says "it names those that are" err 'bash, zsh, fish'
run completion --after 'ehr'
expect "what comes after a word" 0
says "the rest of the commands" out '^directory$'
run completion --after 'serve --port 80'
says "options of the command named" out '^--data$'
if command -v bash >/dev/null; then
	"$firth" completion bash >"$scratch/completion"
	cat >"$scratch/complete" <<'END'
firth() { "$FIRTH" "$@"; }
. "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_firth
echo "${COMPREPLY[*]}"
END
	complete() { FIRTH=$firth bash "$scratch/complete" "$scratch/completion" firth "$@" >"$scratch/out"; }
	complete ser
	says "bash completes a command" out '^serve$'
	complete code ''
	says "bash offers the second words alone" out '^lookup validate expand translate subsumes load$'
	complete serve --por
	says "bash completes an option" out '^--port$'
fi

run import
expect "import without a path" 2
says "import says what is missing" err 'PATH'
run audit list --limit many
expect "a number that is none" 2
run audit list --limit 0
expect "a number out of range" 2
run audit list --formt json
expect "mistyped option" 2
says "mistyped option: the near name" err 'did you mean --format'
FIRTH_LIMIT=none run audit list
expect "a bad environment variable" 2
says "a bad environment variable is named" err 'FIRTH_LIMIT'
run help import
expect "help VERB" 0
says "help VERB is VERB --help" out '^usage: firth import'

# Nothing listens to the world without authorization.
run serve --host 0.0.0.0 --data "$scratch/data"
expect "serve on all addresses without authorization" 1
says "serve says why not" err 'loopback only'
run serve --port 70000 --data "$scratch/data"
expect "serve on a port that is none" 2

done_testing
