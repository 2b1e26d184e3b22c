/* Forms and queries, decoded once and with limits. */
#include "server/login/login_priv.h"

static bool decode(struct arena *a, struct str text, struct str *ret_text, struct error *err)
{
	struct buf out;
	buf_init(&out, FORM_MAX);
	bool ok = decode_percent(&out, text, true) && str_is_utf8(buf_str(&out));
	for (size_t i = 0; ok && i < out.n; i++)
		ok = (unsigned char)out.p[i] >= ' ' || strchr("\r\n\t", out.p[i]);
	*ret_text = ok ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	if (!ok)
		return error_set(err, ERR_INVALID_REQUEST, "The form has a broken escape or holds no text");
	return ret_text->p ? true : error_memory(err);
}

bool fields_read(struct arena *a, struct str text, struct form *ret_form, struct error *err)
{
	struct str rest = text;
	size_t count = 0, at = 0;
	if (text.n > FORM_MAX)
		return error_set(err, ERR_TOO_LARGE, "The form has more than %d bytes", FORM_MAX);
	for (size_t i = 0; i < text.n; i++)
		count += text.p[i] == '&';
	if (count >= FORM_FIELDS)
		return error_set(err, ERR_LIMIT, "The form has more than %d fields", FORM_FIELDS);
	struct form_field *fields = ARENA_ARRAY(a, struct form_field, count + 1);
	if (!fields)
		return error_memory(err);
	while (rest.p) {
		struct str value = str_split(&rest, '&');
		if (!value.n)
			continue;
		struct str name = str_split(&value, '=');
		if (!decode(a, name, &fields[at].name, err) ||
		    !decode(a, value.p ? value : S(""), &fields[at].value, err))
			return false;
		at++;
	}
	*ret_form = (struct form){fields, at};
	return true;
}

struct str fields_get(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->count; i++)
		if (str_is(form->fields[i].name, name))
			return form->fields[i].value;
	return STR_NULL;
}

bool fields_has(const struct form *form, const char *name, struct str value)
{
	for (size_t i = 0; i < form->count; i++)
		if (str_is(form->fields[i].name, name) && str_eq(form->fields[i].value, value))
			return true;
	return false;
}
