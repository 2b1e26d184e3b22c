# What the program's tests share: a scratch directory, running firth, and expectations that are counted one by one.
# Sourced with the path of the firth binary as first argument. Ends with "N passed, N failed".
set -u
firth=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
scratch=$(mktemp -d)
passed=0
failed=0
children=

# Options from the environment would change what is tested.
for name in $(env | sed -n 's/^\(FIRTH_[A-Z_]*\)=.*/\1/p'); do
	[ "$name" = FIRTH_ASSETS ] || unset "$name"
done

finish() {
	status=$?
	for child in $children; do kill "$child" 2>/dev/null && wait "$child" 2>/dev/null; done
	rm -rf "$scratch"
	[ "$status" -eq 0 ] || exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

ok() { # ok NAME: it held
	passed=$((passed + 1))
	[ -z "${VERBOSE:-}" ] || echo "ok: $1"
}

bad() { # bad NAME: shows what the last run printed
	failed=$((failed + 1))
	echo "FAIL: $1 (exit status ${code:-?})"
	[ ! -s "$scratch/out" ] || sed 's/^/    out: /' "$scratch/out" | head -n 20
	[ ! -s "$scratch/err" ] || sed 's/^/    err: /' "$scratch/err" | head -n 20
}

run() { # run ARGUMENTS...: status in $code, output in $scratch/out and err
	"$firth" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	code=$?
}

expect() { # expect NAME STATUS: the status of the last run
	if [ "$code" -eq "$2" ]; then ok "$1"; else bad "$1: expected status $2"; fi
}

says() { # says NAME FILE(out|err) PATTERN
	if grep -Eq -- "$3" "$scratch/$2"; then ok "$1"; else bad "$1: $2 lacks /$3/"; fi
}

silent_about() { # silent_about NAME FILE PATTERN
	if grep -Eq -- "$3" "$scratch/$2"; then bad "$1: $2 has /$3/"; else ok "$1"; fi
}

holds() { # holds NAME COMMAND...: the command succeeds
	what=$1
	shift
	if "$@"; then ok "$what"; else bad "$what"; fi
}

number_of() { # number_of KEY FILE: the first "KEY": number in a JSON file
	sed -n "s/.*\"$1\":\([0-9][0-9.]*\).*/\1/p" "$2" | head -n 1
}

serve() { # serve ARGUMENTS...: starts firth serve on a free port; $port, $server
	: >"$scratch/serve.log" # an old one would tell an old port
	"$firth" serve --port 0 "$@" >"$scratch/serve.log" 2>"$scratch/serve.err" </dev/null &
	server=$!
	children="$children $server"
	port=
	tries=0
	while [ -z "$port" ] && [ $tries -lt 300 ]; do
		port=$(sed -n 's/.*"event":"listening".*"port":\([0-9]*\).*/\1/p' "$scratch/serve.log")
		kill -0 "$server" 2>/dev/null || break
		[ -n "$port" ] || sleep 0.05
		tries=$((tries + 1))
	done
	[ -n "$port" ]
}

background() { # background NAME ARGUMENTS...: firth with its output in NAME.out and NAME.err; its process in $started
	what=$1
	shift
	: >"$what.out" # an old one would tell an old address
	"$firth" "$@" >"$what.out" 2>"$what.err" </dev/null &
	started=$!
	children="$children $started"
}

listening() { # listening NAME [KEY]: a member of its line of that event, "base" if none is named, once it is there
	for _ in $(seq 400); do
		grep -q '"event":"listening"' "$1.out" && break
		kill -0 "$started" 2>/dev/null || break
		sleep 0.05
	done
	sed -n 's/.*"event":"listening".*"'"${2:-base}"'":"\([^"]*\)".*/\1/p' "$1.out"
}

tls_server() { # tls_server OFFSET ARGUMENTS...: openssl s_server with these, $tls, on $port; what is taken gives way to the next
	port=$((20000 + $$ % 12000 + $1)) # below those that outgoing connections take
	shift
	for _ in 1 2 3 4 5; do
		openssl s_server -accept "127.0.0.1:$port" "$@" </dev/null &
		tls=$!
		for _ in $(seq 600); do
			kill -0 "$tls" 2>/dev/null || break
			openssl s_client -connect "127.0.0.1:$port" </dev/null >/dev/null 2>&1 && break
			sleep 0.05
		done
		kill -0 "$tls" 2>/dev/null && break
		port=$((port + 10))
	done
	children="$children $tls"
}

stop_server() { # SIGTERM and wait; its status in $code
	kill -TERM "$server"
	wait "$server"
	code=$?
	children=$(printf '%s' "$children" | sed "s/ $server//")
}

done_testing() {
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
	exit
}
