/* Errors as values: setting, context, and the table behind the codes. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/unicode.h"

struct error_facts {
	const char *name;
	int http_status;
	const char *issue_type;
	const char *text;
};

static const struct error_facts facts[ERR_COUNT] = {
	[ERR_NONE] = {"NONE", 200, "informational", "No error"},
#define ERROR(name, status, issue, text) [ERR_##name] = {#name, status, issue, text},
#include "base/errors.def"
#undef ERROR
};

/* Texts quote what callers sent, perhaps the half of a character, and go into JSON: broken bytes become question marks.
 */
static void make_sound(char *text, size_t n)
{
	struct str rest = str_make(text, n);
	if (str_is_utf8(rest))
		return;
	while (rest.n) {
		struct str bytes = unicode_next(&rest);
		if (bytes.n == 1 && (unsigned char)bytes.p[0] >= 0x80)
			text[bytes.p - text] = '?';
	}
}

static void copy_text(char *to, size_t size, struct str s)
{
	size_t n = s.n < size - 1 ? s.n : size - 1;
	/* Never cut inside a UTF-8 sequence. */
	while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
		n--;
	if (n)
		memcpy(to, s.p, n);
	to[n] = '\0';
	make_sound(to, n);
}

static void set_text(struct error *err, const char *format, va_list args)
{
	char text[2 * sizeof(err->text)];
	vsnprintf(text, sizeof(text), format, args);
	copy_text(err->text, sizeof(err->text), str_from(text));
}

bool error_set(struct error *err, enum error_code code, const char *format, ...)
{
	if (!err || err->code != ERR_NONE)
		return false;
	va_list args;
	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	err->code = code;
	return false;
}

bool error_set_at(struct error *err, enum error_code code, struct str path, const char *format, ...)
{
	if (!err || err->code != ERR_NONE)
		return false;
	va_list args;
	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	err->code = code;
	copy_text(err->path, sizeof(err->path), path);
	return false;
}

bool error_memory(struct error *err)
{
	return error_set(err, ERR_MEMORY, "%s", facts[ERR_MEMORY].text);
}

bool error_context(struct error *err, const char *format, ...)
{
	if (!err || err->code == ERR_NONE)
		return false;
	char context[sizeof(err->text)], joined[2 * sizeof(err->text) + 2];
	va_list args;
	va_start(args, format);
	vsnprintf(context, sizeof(context), format, args);
	va_end(args);
	snprintf(joined, sizeof(joined), "%s: %s", context, err->text);
	copy_text(err->text, sizeof(err->text), str_from(joined));
	return false;
}

void error_clear(struct error *err)
{
	*err = (struct error){0};
}

const char *error_name(enum error_code code)
{
	return facts[code].name;
}

int error_http_status(enum error_code code)
{
	return facts[code].http_status;
}

const char *error_issue_type(enum error_code code)
{
	return facts[code].issue_type;
}

const char *error_default_text(enum error_code code)
{
	return facts[code].text;
}
