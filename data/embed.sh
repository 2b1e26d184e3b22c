#!/bin/sh
# Writes an assembler file that puts data files into the binary: data/charlson_codes.tsv becomes the symbols
# data_charlson_codes and data_charlson_codes_end. usage: embed.sh OUTPUT FILE...
set -eu
out=$1
shift
{
	echo '	.section .rodata'
	for file in "$@"; do
		name=$(basename "$file")
		name=${name%.*}
		printf '\t.global data_%s\n\t.global data_%s_end\n' "$name" "$name"
		printf 'data_%s:\n\t.incbin "%s"\ndata_%s_end:\n\t.byte 0\n' "$name" "$(readlink -f "$file")" "$name"
	done
	echo '	.section .note.GNU-stack,"",%progbits'
} >"$out"
