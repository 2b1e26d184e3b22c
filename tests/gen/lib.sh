# What the tests of the generators share: a scratch directory, and refusals. Sourced; the script sets gen before, and
# defines make ARGUMENT OUTPUT, which runs the generator, and may set product, what the generator makes.
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0

refuse() { # refuse WHAT ARGUMENT WORDS: the generator fails with the words and leaves nothing behind
	said=$(make "$2" "$dir/out" 2>&1) && { echo "FAILED $1 was accepted"; failed=1; }
	case $said in
	*"$3"*) ;;
	*) echo "FAILED $1: said '$said'"; failed=1 ;;
	esac
	[ ! -e "$dir/out" ] || { echo "FAILED $1 left $product behind"; failed=1; }
}

same_twice() { # same_twice ARGUMENT
	make "$1" "$dir/one" && make "$1" "$dir/two" && cmp "$dir/one" "$dir/two" || failed=1
}

finish() { # finish WHAT HELD
	[ $failed = 0 ] && echo "$1"
	exit $failed
}
