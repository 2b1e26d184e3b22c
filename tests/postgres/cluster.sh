#!/bin/sh
# A private PostgreSQL for tests: a cluster in a directory of its own, reached by a unix socket there and nothing else,
# durable as a real one. As root it runs as an unprivileged user, since PostgreSQL refuses root.
#
#   cluster.sh run COMMAND [ARGUMENT...]   starts one, runs the command with FIRTH_TEST_POSTGRES set to its URL and
#                                          FIRTH_TEST_CLUSTER to its directory (FIRTH_CLUSTER_SH to this script), and removes
#                                          it; 77 without PostgreSQL
#   cluster.sh quick COMMAND [ARGUMENT...] the same without waiting for the disk, for tests that cut no power
#   cluster.sh pair COMMAND [ARGUMENT...]  quick with two databases, the URL of the second in FIRTH_TEST_OTHER_POSTGRES
#   cluster.sh each COMMAND...             quick for several commands without arguments; fails if one fails
#   cluster.sh start|stop|kill DIRECTORY   for tests that take it down: stop in order, kill as a crash does
set -eu

bin() { # the path of a program of PostgreSQL: Debian keeps them beside each other by version
	command -v "$1" 2>/dev/null && return
	for path in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV); do
		[ -x "$path/$1" ] && echo "$path/$1" && return
	done
	return 1
}

as_owner() {
	if [ "$(id -u)" != 0 ]; then
		"$@"
	elif id postgres >/dev/null 2>&1; then
		setpriv --reuid=postgres --regid="$(id -gn postgres)" --clear-groups "$@"
	else
		setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups "$@"
	fi
}

start() {
	(cd "$1" && as_owner "$(bin pg_ctl)" -D "$1/data" -l "$1/log" -t 60 -w start >"$1/start.log" 2>&1) ||
		{ cat "$1/start.log" "$1/log" >&2; return 1; }
}

stop() {
	(cd / && as_owner "$(bin pg_ctl)" -D "$1/data" -m fast -w stop >/dev/null 2>&1) || true
}

# As after a power cut: no process says goodbye, and the next start has to recover. Only pids of this cluster are ended.
# The first is stopped before its children are listed, so that none is born meanwhile, which would keep the memory in use.
crash() {
	pids=$(head -n 1 "$1/data/postmaster.pid")
	kill -STOP "$pids"
	for child in $(ps -o pid= --ppid "$pids"); do pids="$pids $child"; done
	for pid in $pids; do kill -9 "$pid" 2>/dev/null || true; done
	for pid in $pids; do while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done; done
}

create() {
	(cd / && as_owner "$(bin initdb)" -D "$1/data" -U firth -A trust -E UTF8 --locale=C -N >"$1/initdb.log" 2>&1) ||
		{ cat "$1/initdb.log" >&2; return 1; }
	cat >>"$1/data/postgresql.conf" <<-CONF
	listen_addresses = ''
	unix_socket_directories = '$1'
	max_connections = 60
	fsync = $fsync
	shared_buffers = 128MB
	CONF
}

inside() { # inside COMMAND...: a cluster around a command
	bin initdb >/dev/null && bin pg_ctl >/dev/null || { echo "skipped: PostgreSQL is not installed"; exit 77; }
	directory=$(mktemp -d "${TMPDIR:-/tmp}/firth-pg.XXXXXX")
	trap 'stop "$directory"; rm -rf "$directory"' EXIT
	trap 'exit 1' INT TERM
	chmod 755 "$directory"
	[ "$(id -u)" != 0 ] || chown "$(as_owner id -u)" "$directory"
	create "$directory"
	start "$directory"
	FIRTH_TEST_CLUSTER=$directory
	FIRTH_TEST_POSTGRES="postgresql://firth@/postgres?host=$directory"
	FIRTH_CLUSTER_SH=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
	export FIRTH_TEST_CLUSTER FIRTH_TEST_POSTGRES FIRTH_CLUSTER_SH
	status=0
	"$@" || status=$?
	exit $status
}

pair() {
	(cd / && as_owner "$(bin createdb)" -h "$directory" -U firth other)
	FIRTH_TEST_OTHER_POSTGRES="postgresql://firth@/other?host=$directory"
	export FIRTH_TEST_OTHER_POSTGRES
	"$@"
}

each() {
	failed=0
	for command; do "$command" || failed=1; done
	return $failed
}

verb=${1:-}
[ $# -ge 2 ] || { sed -n '5,12p' "$0" >&2; exit 2; }
shift
fsync=on
case $verb in
run) inside "$@" ;;
quick) fsync=off && inside "$@" ;;
pair) fsync=off && inside pair "$@" ;;
each) fsync=off && inside each "$@" ;;
start) start "$1" ;;
stop) stop "$1" ;;
kill) crash "$1" ;;
*) exit 2 ;;
esac
