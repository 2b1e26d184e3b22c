/* Reading what the operations on codes are asked about, and judging codes; see codes.h. */
#include "server/rest/operations/codes.h"

static struct str joined(struct arena *a, struct str url, struct str version)
{
	return version.n ? arena_printf(a, "%.*s|%.*s", STR_ARG(url), STR_ARG(version)) : url;
}

static bool take_own(struct operation_call *op, struct code_source *s, const struct json *resource, struct error *err)
{
	s->own = knowledge_extend(op->call->server->o.knowledge, s->shared, resource, err);
	if (!s->own)
		return false;
	s->terminology = s->own->terminology;
	s->canonical = s->own->canonical;
	return true;
}

/* The stored resource of the URL; it is among the shared ones unless another of the same name hides it. */
static bool take_stored(struct operation_call *op, struct code_source *s, struct error *err)
{
	struct store_entry entry;
	const struct json *resource;
	if (!operation_subject(op, &entry, &resource, err))
		return false;
	struct str url = json_get_str(resource, S("url"));
	s->canonical = joined(op->arena, url, json_get_str(resource, S("version")));
	const struct canonical *found =
		url.n ? canonicals_find(s->shared->canonicals, op->call->type->name, s->canonical, NULL) : NULL;
	if (found && !found->package && str_eq(found->id, op->call->id))
		return true;
	return take_own(op, s, resource, err);
}

bool code_source_open(struct operation_call *op, const char *resource, const char *url, const char *version,
		      struct code_source *ret_source, struct error *err)
{
	struct code_source s = {.shared = operation_enter(op, err)};
	const struct json *sent = operation_value(op, resource);
	struct str name = operation_text(op, url);
	if (!s.shared)
		return false;
	s.terminology = s.shared->terminology;
	bool ok = true;
	if (op->level == AT_INSTANCE && (sent || name.p))
		ok = error_set(err, ERR_VALUE, "The URL names the resource already; %s and %s are not for it", url,
			       resource);
	else if (sent && name.p)
		ok = error_set(err, ERR_VALUE, "Give %s or %s, not both", url, resource);
	else if (op->level == AT_INSTANCE)
		ok = take_stored(op, &s, err);
	else if (sent)
		ok = take_own(op, &s, sent, err);
	else if (name.p)
		s.canonical = joined(op->arena, name, version ? operation_text(op, version) : STR_NULL);
	if (ok)
		*ret_source = s;
	else
		code_source_close(op, &s);
	return ok;
}

void code_source_close(struct operation_call *op, struct code_source *source)
{
	knowledge_discard(source->own);
	operation_leave(op, source->shared);
}

struct coding coding_read(const struct json *coding)
{
	return (struct coding){.system = json_get_str(coding, S("system")),
			       .version = json_get_str(coding, S("version")),
			       .code = json_get_str(coding, S("code")),
			       .display = json_get_str(coding, S("display"))};
}

static struct str text_of(const struct operation_call *op, const char *name)
{
	return name ? operation_text(op, name) : STR_NULL;
}

enum { MAX_CODINGS = 100 };

static bool read_concept(struct operation_call *op, const struct json *concept, struct coding *codes, size_t *count)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	(void)op;
	while (json_next(&it)) {
		codes[*count] = coding_read(it.value);
		*count += codes[*count].code.n > 0;
	}
	return *count > 0;
}

bool codes_read(struct operation_call *op, const struct code_names *names, struct coding **ret_codes, size_t *ret_count,
		struct error *err)
{
	struct str code = operation_text(op, names->code);
	const struct json *coding = operation_value(op, names->coding);
	const struct json *concept = names->concept ? operation_value(op, names->concept) : NULL;
	struct coding *codes = ARENA_ARRAY(op->arena, struct coding, 2 + json_size(json_get(concept, S("coding"))));
	if (!codes)
		return error_memory(err);
	if (json_size(json_get(concept, S("coding"))) > MAX_CODINGS)
		return error_set(err, ERR_LIMIT, "%s may have at most %d codings", names->concept, MAX_CODINGS);
	if ((code.p != NULL) + (coding != NULL) + (concept != NULL) != 1)
		return error_set(err, ERR_REQUIRED, "$%s needs exactly one of %s, %s%s%s", op->operation->name,
				 names->code, names->coding, names->concept ? " and " : "",
				 names->concept ? names->concept : "");
	*ret_count = 1;
	if (code.p)
		codes[0] = (struct coding){text_of(op, names->system), text_of(op, names->version), code,
					   text_of(op, names->display)};
	else if (coding)
		codes[0] = coding_read(coding);
	else if (*ret_count = 0, !read_concept(op, concept, codes, ret_count))
		return error_set(err, ERR_REQUIRED, "%s has no coding with a code", names->concept);
	if (!codes[0].code.n)
		return error_set(err, ERR_REQUIRED, "%s has no code", names->coding);
	*ret_codes = codes;
	return true;
}

/* ---- judging -------------------------------------------------------------------------------------------------------
 */

static void put_text(struct json_writer *w, struct str name, struct str key, struct str text)
{
	if (!text.n)
		return;
	json_object_begin(w);
	json_put_member(w, S("name"), name);
	json_put_member(w, key, text);
	json_object_end(w);
}

static bool is_valid(const struct operation_call *op, const struct code_verdict *v)
{
	if (v->reason == CODE_ABSTRACT && operation_flag(op, "abstract", false))
		return true;
	return v->answer == CODE_IN && v->reason != CODE_DISPLAY_WRONG;
}

void codes_judge(struct operation_call *op, const struct code_source *source, struct str value_set,
		 const struct coding *codes, size_t count, struct buf *out)
{
	struct code_verdict best = {0};
	struct str message = STR_NULL;
	size_t chosen = 0;
	bool valid = false;
	for (size_t i = 0; i < count && !valid; i++) {
		struct code_verdict v = value_set.p ? terminology_validate_in(source->terminology, op->arena, value_set,
									      NULL, &codes[i], !codes[i].system.n)
						    : terminology_validate(source->terminology, op->arena, &codes[i]);
		valid = is_valid(op, &v);
		struct str text = valid && v.reason == CODE_ABSTRACT
					  ? STR_NULL
					  : code_verdict_text(op->arena, &v, &codes[i], value_set);
		if (valid || !message.p)
			message = text;
		else if (text.p)
			message = arena_printf(op->arena, "%.*s; %.*s", STR_ARG(message), STR_ARG(text));
		if (valid || i == 0)
			best = v, chosen = i;
	}
	struct json_writer w = json_writer(out);
	operation_begin_parameters(&w);
	json_object_begin(&w);
	json_put_member(&w, S("name"), S("result"));
	json_key(&w, S("valueBoolean"));
	json_put_bool(&w, valid);
	json_object_end(&w);
	put_text(&w, S("message"), S("valueString"), message);
	put_text(&w, S("display"), S("valueString"), best.display);
	if (valid) {
		put_text(&w, S("code"), S("valueCode"), codes[chosen].code);
		put_text(&w, S("system"), S("valueUri"), best.system.n ? best.system : codes[chosen].system);
	}
	operation_end_parameters(&w);
}
