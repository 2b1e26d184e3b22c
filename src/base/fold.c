/*
 * The folding that names are looked for by: without regard to case, accents, ligatures, punctuation and spacing. Nearly
 * all text is ASCII and takes one table look-up a byte.
 */
#include "base/fold.h"

#include <utf8proc.h>

/* What an ASCII character folds to; a space for everything that only separates (Unicode categories C, P, Z). */
static char fold_ascii(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + 32);
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		return (char)c;
	switch (c) {
	case '$':
	case '+':
	case '<':
	case '=':
	case '>':
	case '^':
	case '`':
	case '|':
	case '~':
		return (char)c;
	default:
		return ' ';
	}
}

static bool separates(utf8proc_int32_t c)
{
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_CC:
	case UTF8PROC_CATEGORY_PC:
	case UTF8PROC_CATEGORY_PD:
	case UTF8PROC_CATEGORY_PS:
	case UTF8PROC_CATEGORY_PE:
	case UTF8PROC_CATEGORY_PI:
	case UTF8PROC_CATEGORY_PF:
	case UTF8PROC_CATEGORY_PO:
	case UTF8PROC_CATEGORY_ZS:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return true;
	default:
		return false;
	}
}

static struct str fold_unicode(struct arena *a, struct str text)
{
	const utf8proc_option_t how =
		UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE;
	const utf8proc_uint8_t *from = (const utf8proc_uint8_t *)text.p;
	utf8proc_ssize_t count = utf8proc_decompose(from, (utf8proc_ssize_t)text.n, NULL, 0, how);
	if (count < 0)
		return S(""); /* not UTF-8: nothing can find it */
	utf8proc_int32_t *points = arena_alloc(a, ((size_t)count + 1) * sizeof(*points));
	char *to = arena_alloc(a, (size_t)count * 4 + 1);
	if (!points || !to)
		return STR_NULL;
	utf8proc_decompose(from, (utf8proc_ssize_t)text.n, points, count, how);
	size_t n = 0;
	bool gap = false;
	for (utf8proc_ssize_t i = 0; i < count; i++) {
		if (separates(points[i])) {
			gap = n > 0;
			continue;
		}
		if (gap)
			to[n++] = ' ';
		gap = false;
		n += (size_t)utf8proc_encode_char(points[i], (utf8proc_uint8_t *)to + n);
	}
	return str_make(to, n);
}

struct str str_fold(struct arena *a, struct str text)
{
	char *to = arena_alloc(a, text.n + 1);
	if (!to)
		return STR_NULL;
	size_t n = 0;
	bool gap = false;
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c >= 0x80)
			return fold_unicode(a, text);
		char f = fold_ascii(c);
		if (f == ' ') {
			gap = n > 0;
			continue;
		}
		if (gap)
			to[n++] = ' ';
		gap = false;
		to[n++] = f;
	}
	return str_make(to, n);
}
