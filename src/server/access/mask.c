/*
 * Elements that the policy hides: left out of what is shown, kept when what was shown is written back. The narrative
 * tells the same in words and goes with them.
 */
#include <stdio.h>

#include "server/access/access_priv.h"

#define LABEL_SYSTEM "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
#define LABEL	     "{\"system\":\"" LABEL_SYSTEM "\",\"code\":\"REDACTED\"}"

bool access_masks(const struct access_pass *pass, const struct fhir_type *type)
{
	for (size_t i = 0; pass && i < pass->mask_count; i++)
		if (!type || pass->masks[i].type == type)
			return true;
	return false;
}

static bool is_hidden(const struct access_pass *pass, const struct fhir_type *type, struct str name)
{
	for (size_t i = 0; i < pass->mask_count; i++)
		if (pass->masks[i].type == type && str_eq(pass->masks[i].element, name))
			return true;
	return false;
}

/* What of one resource is hidden. Resources that it contains are hidden all together when one of them is of a type
 * with hidden elements, since single elements could not be put back into them. */
struct hiding {
	const struct access_pass *pass;
	const struct fhir_type *type;
	bool elements, contained;
};

static struct hiding hiding_of(const struct access_pass *pass, const struct fhir_type *type,
			       const struct json *resource)
{
	struct hiding h = {pass, type, access_masks(pass, type), false};
	for (struct json_iter it = json_iter(json_get(resource, S("contained"))); json_next(&it);) {
		struct str name = json_get_str(it.value, S("resourceType"));
		const struct fhir_type *inner = definitions_resource(pass->access->o.definitions, name);
		h.contained = h.contained || (inner && access_masks(pass, inner));
	}
	return h;
}

/* A member of the resource's JSON: "valueQuantity", "_birthDate". */
static bool is_hidden_member(const struct hiding *h, struct str key)
{
	const struct fhir_type *ignored;
	struct str name = key.n && key.p[0] == '_' ? str_slice(key, 1, key.n) : key;
	if (str_is(key, "text"))
		return h->elements || h->contained;
	if (h->contained && str_is(name, "contained"))
		return true;
	const struct fhir_element *element = h->elements ? definitions_element(h->type, name, &ignored) : NULL;
	return h->elements && is_hidden(h->pass, h->type, element ? element->name : name);
}

/* ---- parameters
 * --------------------------------------------------------------------------------------------------------
 */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Any word of the expression that is the name of a hidden element: rather one parameter too many than one too few. So
 * do functions that walk over everything. */
static bool names_hidden(const struct access_pass *pass, const struct fhir_type *type, struct str expression)
{
	for (size_t at = 0; at < expression.n;) {
		size_t end = at;
		while (end < expression.n && is_letter(expression.p[end]))
			end++;
		struct str word = str_slice(expression, at, end);
		if (str_is(word, "children") || str_is(word, "descendants") || str_is(word, "repeat") ||
		    (word.n && is_hidden(pass, type, word)))
			return true;
		at = end + (end == at);
	}
	return false;
}

bool access_masks_param(const struct access_pass *pass, const struct fhir_type *type, const struct search_param *param)
{
	if (!access_masks(pass, type))
		return false;
	if (!param || names_hidden(pass, type, param->expression))
		return true;
	for (size_t i = 0; i < param->component_count; i++)
		if (access_masks_param(pass, type, param->components[i].param))
			return true;
	return false;
}

/* ---- showing
 * -----------------------------------------------------------------------------------------------------------
 */

static bool is_label(const struct json *coding)
{
	return str_is(json_get_str(coding, S("system")), LABEL_SYSTEM) &&
	       str_is(json_get_str(coding, S("code")), "REDACTED");
}

static void put_labelled_meta(struct json_writer *w, const struct json *meta)
{
	struct json_iter it = json_iter(meta);
	json_object_begin(w);
	while (json_next(&it)) {
		if (str_is(it.key, "security"))
			continue;
		json_key(w, it.key);
		json_put_value(w, it.value);
	}
	json_key(w, S("security"));
	json_array_begin(w);
	for (struct json_iter s = json_iter(json_get(meta, S("security"))); json_next(&s);)
		if (!is_label(s.value))
			json_put_value(w, s.value);
	json_put_raw(w, S(LABEL));
	json_array_end(w);
	json_object_end(w);
}

bool access_mask(const struct access_pass *pass, struct arena *a, const struct fhir_type *type, struct str body,
		 struct str *ret_body, struct error *err)
{
	struct buf out;
	const struct json *resource = json_parse(a, body, 0, err);
	struct json_iter it = json_iter(resource);
	if (!resource)
		return false;
	const struct hiding h = hiding_of(pass, type, resource);
	if (!h.elements && !h.contained) {
		*ret_body = body;
		return true;
	}
	buf_init(&out, body.n + 4096);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	while (json_next(&it)) {
		if (is_hidden_member(&h, it.key))
			continue;
		json_key(&w, it.key);
		if (str_is(it.key, "meta"))
			put_labelled_meta(&w, it.value);
		else
			json_put_value(&w, it.value);
	}
	json_object_end(&w);
	*ret_body = buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return ret_body->p || error_memory(err);
}

/* ---- writing back
 * ------------------------------------------------------------------------------------------------------
 */

/* The label that showing added is not the client's. */
static void put_plain_meta(struct json_writer *w, const struct json *meta, bool labelled)
{
	struct json_iter it = json_iter(meta);
	json_object_begin(w);
	while (json_next(&it)) {
		if (!str_is(it.key, "security") || labelled) {
			json_key(w, it.key);
			json_put_value(w, it.value);
			continue;
		}
		bool open = false;
		for (struct json_iter s = json_iter(it.value); json_next(&s);) {
			if (is_label(s.value))
				continue;
			if (!open) {
				json_key(w, it.key);
				json_array_begin(w);
			}
			open = true;
			json_put_value(w, s.value);
		}
		if (open)
			json_array_end(w);
	}
	json_object_end(w);
}

static bool was_labelled(const struct json *current)
{
	for (struct json_iter s = json_iter(json_get(json_get(current, S("meta")), S("security"))); json_next(&s);)
		if (is_label(s.value))
			return true;
	return false;
}

static bool refuse_hidden(const struct fhir_type *type, struct str name, struct error *err)
{
	char text[192];
	int n = snprintf(text, sizeof(text), "The policy of this site hides %.*s.%.*s, so it cannot be written",
			 STR_ARG(type->name), STR_ARG(str_slice(name, 0, 60)));
	return decision_refuse(NULL, CHECK_POLICY, REFUSAL_POLICY, STR_NULL, STR_NULL, str_make(text, (size_t)n), err);
}

static bool put_merged(const struct hiding *h, struct json_writer *w, const struct json *resource,
		       const struct json *current, struct error *err)
{
	struct json_iter it = json_iter(resource), was = json_iter(current);
	json_object_begin(w);
	while (json_next(&it)) {
		bool hidden = is_hidden_member(h, it.key);
		if (hidden && !str_is(it.key, "text"))
			return refuse_hidden(h->type, it.key, err);
		if (hidden && current)
			continue;
		json_key(w, it.key);
		if (str_is(it.key, "meta"))
			put_plain_meta(w, it.value, was_labelled(current));
		else
			json_put_value(w, it.value);
	}
	while (json_next(&was)) {
		if (!is_hidden_member(h, was.key))
			continue;
		json_key(w, was.key);
		json_put_value(w, was.value);
	}
	json_object_end(w);
	return true;
}

const struct json *access_unmask(const struct access_pass *pass, struct arena *a, const struct fhir_type *type,
				 const struct json *resource, const struct json *current, struct error *err)
{
	struct buf out;
	const struct hiding h = hiding_of(pass, type, current);
	if (!h.elements && !h.contained)
		return resource;
	buf_init(&out, (size_t)64 << 20);
	struct json_writer w = json_writer(&out);
	bool ok = put_merged(&h, &w, resource, current, err);
	struct str text = ok && buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	if (ok && !text.p)
		error_memory(err);
	return text.p ? json_parse(a, text, 0, err) : NULL;
}
