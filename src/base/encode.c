/* Text codings. */
#include "base/encode.h"

static const char hex_digits[] = "0123456789abcdef";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char plain_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void encode_hex(struct buf *out, struct str bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		buf_char(out, hex_digits[c >> 4]);
		buf_char(out, hex_digits[c & 15]);
	}
}

static void encode_64(struct buf *out, struct str bytes, const char *alphabet, bool pad)
{
	for (size_t i = 0; i < bytes.n; i += 3) {
		size_t left = bytes.n - i;
		unsigned v = (unsigned)(unsigned char)bytes.p[i] << 16;
		if (left > 1)
			v |= (unsigned)(unsigned char)bytes.p[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)bytes.p[i + 2];
		buf_char(out, alphabet[v >> 18]);
		buf_char(out, alphabet[v >> 12 & 63]);
		if (left > 1)
			buf_char(out, alphabet[v >> 6 & 63]);
		else if (pad)
			buf_char(out, '=');
		if (left > 2)
			buf_char(out, alphabet[v & 63]);
		else if (pad)
			buf_char(out, '=');
	}
}

void encode_base64url(struct buf *out, struct str bytes)
{
	encode_64(out, bytes, url_alphabet, false);
}

void encode_base64(struct buf *out, struct str bytes)
{
	encode_64(out, bytes, plain_alphabet, true);
}

static int value_in(const char *alphabet, char c)
{
	const char *hit = c ? strchr(alphabet, c) : NULL;
	return hit ? (int)(hit - alphabet) : -1;
}

static bool decode_64(struct buf *out, struct str text, const char *alphabet)
{
	if (text.n % 4 == 1)
		return false;
	for (size_t i = 0; i < text.n; i += 4) {
		size_t left = text.n - i < 4 ? text.n - i : 4;
		unsigned v = 0;
		for (size_t k = 0; k < 4; k++) {
			int digit = k < left ? value_in(alphabet, text.p[i + k]) : 0;
			if (digit < 0)
				return false;
			v = v << 6 | (unsigned)digit;
		}
		/* Bits past the last whole byte must be zero, or two texts would decode to the same bytes. */
		if ((left == 2 && (v & 0xFFFF)) || (left == 3 && (v & 0xFF)))
			return false;
		buf_char(out, (char)(v >> 16));
		if (left > 2)
			buf_char(out, (char)(v >> 8));
		if (left > 3)
			buf_char(out, (char)v);
	}
	return buf_ok(out);
}

bool decode_base64url(struct buf *out, struct str text)
{
	return decode_64(out, text, url_alphabet);
}

bool decode_base64(struct buf *out, struct str text)
{
	size_t pads = text.n && text.p[text.n - 1] == '=' ? 1 : 0;
	if (pads && text.n > 1 && text.p[text.n - 2] == '=')
		pads = 2;
	return text.n % 4 == 0 && decode_64(out, str_slice(text, 0, text.n - pads), plain_alphabet);
}

void encode_percent(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
				  c == '-' || c == '.' || c == '_' || c == '~';
		if (unreserved) {
			buf_char(out, (char)c);
		} else {
			buf_char(out, '%');
			buf_char(out, "0123456789ABCDEF"[c >> 4]);
			buf_char(out, "0123456789ABCDEF"[c & 15]);
		}
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool decode_percent(struct buf *out, struct str text, bool form)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '%') {
			int high = i + 2 < text.n ? hex_value(text.p[i + 1]) : -1;
			int low = i + 2 < text.n ? hex_value(text.p[i + 2]) : -1;
			if (high < 0 || low < 0 || high + low == 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && form) {
			c = ' ';
		}
		buf_char(out, c);
	}
	return buf_ok(out);
}

void encode_html(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		switch (text.p[i]) {
		case '&':
			buf_add(out, S("&amp;"));
			break;
		case '<':
			buf_add(out, S("&lt;"));
			break;
		case '>':
			buf_add(out, S("&gt;"));
			break;
		case '"':
			buf_add(out, S("&quot;"));
			break;
		case '\'':
			buf_add(out, S("&#39;"));
			break;
		default:
			buf_char(out, text.p[i]);
		}
	}
}
