#!/bin/sh
# What authorization costs: access.sh ACCESS_BENCH [SECONDS]. Needs wrk. For each kind of token, then for a thousand
# tokens in rotation: requests a second over one connection, and the server's microseconds of processor for each, which
# other work on the machine disturbs less.
set -eu
bench=$1 seconds=${2:-5}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkfifo "$dir/stop"
"$bench" all <"$dir/stop" >"$dir/lines" &
server=$!
# Clock ticks of the server so far.
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$server/stat"; }
# NAME and the arguments of wrk.
measure() {
	name=$1
	shift
	before=$(ticks)
	wrk -t1 -c1 -d"$seconds" "$@" >"$dir/wrk"
	after=$(ticks)
	awk -v name="$name" -v ticks=$((after - before)) -v hertz="$(getconf CLK_TCK)" '/requests in/ { count = $1 }
		/Requests\/sec/ { rate = $2 }
		END { printf "%-16s %9.0f/s %8.1f us\n", name, rate, ticks / hertz * 1e6 / count }' "$dir/wrk"
}
exec 9>"$dir/stop"
while [ "$(grep -c "rotation " "$dir/lines" || true)" -lt 1000 ]; do sleep 0.2; done
grep -v rotation "$dir/lines" | while read -r name token url; do
	measure "$name" -H "Authorization: Bearer $token" "$url"
done
for name in rotation-open rotation; do
	awk -v name=$name '$1 == name { print $2, $3 }' "$dir/lines" >"$dir/tokens"
	cat >"$dir/rotate.lua" <<EOF
local list, at = {}, 0
for line in io.lines("$dir/tokens") do
	local token, path = line:match("^(%S+) http://[^/]+(%S+)")
	list[#list + 1] = { token, path }
end
request = function()
	at = at % #list + 1
	return wrk.format("GET", list[at][2], { Authorization = "Bearer " .. list[at][1] })
end
EOF
	measure $name -s "$dir/rotate.lua" "$(awk 'NR == 1 { print $2 }' "$dir/tokens")"
done
exec 9>&-
wait
