/* Text by code points, over the tables of utf8proc. */
#include "base/unicode.h"

#include <utf8proc.h>

struct str unicode_next(struct str *rest)
{
	utf8proc_int32_t point;
	if (rest->n == 0)
		return STR_NULL;
	utf8proc_ssize_t n = 1;
	if ((unsigned char)rest->p[0] >= 0x80)
		n = utf8proc_iterate((const utf8proc_uint8_t *)rest->p, (utf8proc_ssize_t)rest->n, &point);
	struct str taken = str_make(rest->p, n < 1 ? 1 : (size_t)n);
	*rest = str_make(rest->p + taken.n, rest->n - taken.n);
	return taken;
}

uint32_t unicode_point(struct str bytes)
{
	utf8proc_int32_t point = -1;
	if (bytes.n == 1 && (unsigned char)bytes.p[0] < 0x80)
		return (unsigned char)bytes.p[0];
	if (bytes.n)
		utf8proc_iterate((const utf8proc_uint8_t *)bytes.p, (utf8proc_ssize_t)bytes.n, &point);
	return point < 0 ? 0xFFFD : (uint32_t)point;
}

size_t unicode_length(struct str s)
{
	size_t count = 0;
	while (unicode_next(&s).p)
		count++;
	return count;
}

size_t unicode_offset(struct str s, size_t points)
{
	const char *start = s.p;
	while (points-- && unicode_next(&s).p)
		;
	return (size_t)(s.p - start);
}

void unicode_write(struct buf *out, uint32_t point)
{
	utf8proc_uint8_t bytes[4];
	utf8proc_ssize_t n = utf8proc_codepoint_valid((utf8proc_int32_t)point)
				     ? utf8proc_encode_char((utf8proc_int32_t)point, bytes)
				     : 0;
	if (n < 1)
		buf_add(out, S("\xEF\xBF\xBD"));
	else
		buf_add(out, str_make((const char *)bytes, (size_t)n));
}

static void map_case(struct buf *out, struct str s, utf8proc_int32_t (*map)(utf8proc_int32_t))
{
	for (struct str one; (one = unicode_next(&s)).p;)
		unicode_write(out, (uint32_t)map((utf8proc_int32_t)unicode_point(one)));
}

void unicode_upper(struct buf *out, struct str s)
{
	map_case(out, s, utf8proc_toupper);
}

void unicode_lower(struct buf *out, struct str s)
{
	map_case(out, s, utf8proc_tolower);
}

uint32_t unicode_lower_point(uint32_t point)
{
	return (uint32_t)utf8proc_tolower((utf8proc_int32_t)point);
}

bool unicode_is_space(uint32_t point)
{
	if (point == ' ' || (point >= '\t' && point <= '\r'))
		return true;
	if (point < 0x80)
		return false;
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)point);
	return point == 0x85 || category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
	       category == UTF8PROC_CATEGORY_ZP;
}
