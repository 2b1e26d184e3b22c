/*
 * Parameters of OAuth requests: application/x-www-form-urlencoded, from a body or a query string. Strict, because two
 * readers of different tolerance could see two different requests (RFC 9700 section 4).
 */
#include "base/encode.h"
#include "server/smart/smart_priv.h"

enum { MAX_FORM = 64 * 1024, MAX_FIELDS = 64 };

bool form_decode(struct arena *a, struct str text, struct decision *d, struct str *ret_text, struct error *err)
{
	struct buf out;
	buf_init(&out, MAX_FORM);
	bool ok = decode_percent(&out, text, true) && str_is_utf8(buf_str(&out));
	*ret_text = ok ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return ok && ret_text->p ? true
				 : decision_refuse(d, CHECK_REQUEST, REFUSAL_REQUEST_MALFORMED, S("a broken escape"),
						   STR_NULL, STR_NULL, err);
}

static bool take_field(struct form *form, struct str name, struct str value, struct decision *d, struct error *err)
{
	/* RFC 6749 section 3.2: parameters must not be repeated. RFC 8707 lets one be. */
	if (str_is(name, "resource"))
		return true;
	for (size_t i = 0; i < form->count; i++)
		if (str_eq(form->fields[i].name, name))
			return decision_refuse(d, CHECK_REQUEST, REFUSAL_PARAMETER_REPEATED, str_slice(name, 0, 40),
					       STR_NULL, STR_NULL, err);
	if (form->count == MAX_FIELDS)
		return decision_refuse(d, CHECK_REQUEST, REFUSAL_REQUEST_MALFORMED, S("more than 64 parameters"),
				       STR_NULL, STR_NULL, err);
	form->fields[form->count++] = (struct form_field){name, value};
	return true;
}

bool form_parse(struct arena *a, struct str text, struct decision *d, struct form *ret_form, struct error *err)
{
	struct str rest = text;
	ret_form->count = 0;
	ret_form->fields = ARENA_ARRAY(a, struct form_field, MAX_FIELDS);
	if (!ret_form->fields)
		return error_memory(err);
	if (text.n > MAX_FORM)
		return decision_refuse(d, CHECK_REQUEST, REFUSAL_REQUEST_MALFORMED, S("more than 64 KB"), STR_NULL,
				       STR_NULL, err);
	while (rest.p) {
		struct str value = str_split(&rest, '&'), name;
		if (!value.n)
			continue;
		name = str_split(&value, '=');
		if (!value.p)
			value = S("");
		if (!form_decode(a, name, d, &name, err) || !form_decode(a, value, d, &value, err) ||
		    !take_field(ret_form, name, value, d, err))
			return false;
	}
	return true;
}

/* RFC 6749 section 3.1: a parameter without a value counts as left out. */
struct str form_get(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->count; i++)
		if (str_is(form->fields[i].name, name))
			return form->fields[i].value.n ? form->fields[i].value : STR_NULL;
	return STR_NULL;
}
