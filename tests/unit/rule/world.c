/* See world.h. */
#include "world.h"

static const char set_text[] =
	"{\"resourceType\":\"ValueSet\",\"url\":\"http://example.org/vs/"
	"opioids\",\"expansion\":{\"contains\":[{\"system\":"
	"\"http://www.nlm.nih.gov/research/umls/rxnorm\",\"code\":\"7804\"},{\"system\":\"urn:x\",\"abstract\":true,"
	"\"code\":\"heading\",\"contains\":[{\"system\":\"urn:x\",\"code\":\"inner\"}]}]}}";
static const char composed_text[] =
	"{\"resourceType\":\"ValueSet\",\"url\":\"http://example.org/vs/both\",\"compose\":{\"include\":[{\"system\":"
	"\"urn:x\",\"concept\":[{\"code\":\"a\"},{\"code\":\"b\"}]},{\"valueSet\":[\"http://example.org/vs/"
	"opioids\"]}]}}";
static const char filtered_text[] =
	"{\"resourceType\":\"ValueSet\",\"url\":\"http://example.org/vs/"
	"filtered\",\"compose\":{\"include\":[{\"system\":"
	"\"urn:x\",\"filter\":[{\"property\":\"concept\",\"op\":\"is-a\",\"value\":\"a\"}]}]}}";
static const char activity_text[] =
	"{\"resourceType\":\"ActivityDefinition\",\"url\":\"http://example.org/ad/"
	"visit\",\"status\":\"active\",\"kind\":"
	"\"ServiceRequest\",\"intent\":\"proposal\",\"code\":{\"text\":\"Visit\"},\"priority\":\"urgent\","
	"\"dynamicValue\":["
	"{\"path\":\"note.text\",\"expression\":{\"language\":\"text/fhirpath\",\"expression\":\"'for ' & "
	"%patient.id\"}}]}";

static const struct json *parse(struct world *w, const char *text, struct error *err)
{
	return json_parse(&w->arena, str_from(text), 0, err);
}

static const struct json *read_file(void *ctx, struct str from, struct str name, struct error *err)
{
	struct world *w = ctx;
	(void)from;
	if (str_is(name, "opioids.json"))
		return parse(w, set_text, err);
	if (str_is(name, "both.json"))
		return parse(w, composed_text, err);
	if (str_is(name, "filtered.json"))
		return parse(w, filtered_text, err);
	if (str_is(name, "shared.json"))
		return parse(w, "{\"define\":{\"broken\":\"%nothing\"}}", err);
	if (str_is(name, "good.json"))
		return parse(w, "{\"define\":{\"shared\":\"'yes'\"}}", err);
	if (str_is(name, "list.json"))
		return parse(w, "[{\"name\":\"one\"},{\"name\":\"two\"}]", err);
	error_set(err, ERR_NOT_FOUND, "There is no file %.*s", STR_ARG(name));
	return NULL;
}

static const struct json *find_canonical(void *ctx, struct str type, struct str url, struct error *err)
{
	struct world *w = ctx;
	if (str_is(type, "ValueSet") && str_is(url, "http://example.org/vs/opioids"))
		return parse(w, set_text, err);
	if (str_is(type, "ActivityDefinition") && str_is(url, "http://example.org/ad/visit"))
		return parse(w, activity_text, err);
	return NULL;
}

static bool member_of(void *ctx, struct arena *a, struct str value_set, struct str system, struct str code,
		      int *ret_answer, struct error *err)
{
	(void)ctx, (void)a, (void)system, (void)err;
	*ret_answer = !str_is(value_set, "http://example.org/vs/filtered") ? -1 : str_is(code, "a");
	return true;
}

void world_open(struct world *w)
{
	*w = (struct world){0};
	arena_init(&w->arena, 256 << 20);
	w->library = (struct rule_library){.arena = &w->arena,
					   .definitions = definitions_builtin(),
					   .ctx = w,
					   .file = read_file,
					   .canonical = find_canonical};
}

void world_close(struct world *w)
{
	arena_done(&w->arena);
}

static struct str quoted(struct world *w, const char *text)
{
	struct str copy = arena_str(&w->arena, str_from(text));
	for (char *p = (char *)(uintptr_t)copy.p; *p; p++)
		if (*p == '\'')
			*p = '"';
		else if (*p == '`')
			*p = '\'';
	return copy;
}

const struct rule_service *world_compile(struct world *w, const char *service)
{
	w->err = (struct error){0};
	w->library.member_of = w->knows ? member_of : NULL;
	const struct json *j = json_parse(&w->arena, quoted(w, service), 0, &w->err);
	return j ? rule_compile(&w->library, S("services/x.yaml"), j, 0, &w->err) : NULL;
}

static struct str failure(struct world *w)
{
	return arena_printf(&w->arena, "failed: %s%s%s", w->err.path, w->err.path[0] ? ": " : "", w->err.text);
}

struct str world_run(struct world *w, const char *service, const char *context, const char *prefetch)
{
	const struct rule_service *s = world_compile(w, service);
	struct hook_prefetch_value values[32];
	struct hook_prefetch given = {.items = values};
	struct buf out;
	if (!s)
		return failure(w);
	const struct json *c = json_parse(&w->arena, quoted(w, context), 0, &w->err);
	w->prefetch = json_parse(&w->arena, quoted(w, prefetch), 0, &w->err);
	for (struct json_iter it = json_iter(w->prefetch); json_next(&it);)
		values[given.count++] = (struct hook_prefetch_value){it.key, it.value};
	const struct rule_input input = {.context = c, .prefetch = &given, .now_ms = WORLD_NOW};
	if (!c || !w->prefetch || !rule_run(s, &w->arena, &input, &w->result, &w->err))
		return failure(w);
	if (w->result.failure_count) {
		w->err = w->result.failures[0].error;
		return arena_printf(&w->arena, "failed: rule %.*s: %s", STR_ARG(w->result.failures[0].rule),
				    w->err.text);
	}
	buf_init(&out, 1 << 20);
	struct str text =
		hook_answer_write(&w->result.answer, &out, &w->err) ? arena_str(&w->arena, buf_str(&out)) : failure(w);
	buf_done(&out);
	return text;
}
