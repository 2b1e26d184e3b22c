/*
 * Every invariant and every search parameter of R4: each expression must compile in strict mode against the type that
 * it is written for, and run without an error over all resources of a package. Usage: invariants_suite
 * PACKAGE.tgz | DIRECTORY | FILE.json. Counts an expression as a case, and a resource as a case. An invariant that does
 * not hold is no failure, the examples have some; the number is printed. What the definitions themselves got wrong is
 * in known/invariants.txt.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "fhir/canonicals.h"
#include "fhirpath/fhirpath.h"
#include "gen/package.h"
#include "known.h"

struct rule {
	struct str key, path;
	const struct path_program *program;
	struct rule *next; /* of the same path */
};

struct suite {
	struct arena arena; /* of programs */
	struct map rules; /* path -> first rule */
	const struct definitions *definitions;
	struct known known;
	size_t passed, failed, expressions, evaluations, broken;
};

static void count(struct suite *s, bool good, struct str name, const char *why)
{
	if (known_has(&s->known, name)) {
		why = "compiles, but is listed as a known failure";
		good = !good;
	}
	s->passed += good;
	s->failed += !good;
	if (!good)
		printf("FAILED %.*s: %s\n", STR_ARG(name), why);
}

/* ---- compiling ------------------------------------------------------------------------------------------------- */

/* The type of what stands at a path, NULL for a choice. */
static const struct fhir_type *type_at(const struct definitions *d, struct str path)
{
	const struct fhir_type *type = definitions_type(d, path);
	size_t dot = str_rfind_char(path, '.');
	if (type || dot == STR_NONE)
		return type;
	const struct fhir_type *owner = definitions_type(d, str_slice(path, 0, dot));
	struct str name = str_slice(path, dot + 1, path.n);
	for (size_t i = 0; owner && i < owner->element_count; i++)
		if (str_eq(owner->elements[i].name, name) && owner->elements[i].type_count == 1)
			return owner->elements[i].types[0].type;
	return NULL;
}

static void add_rule(struct suite *s, struct str path, struct str key, struct str expression, bool runs)
{
	struct error err = {0};
	struct path_options options = {.start = type_at(s->definitions, path), .strict = true, .as_filters = true};
	bool is_new;
	uint64_t *slot = map_put(&s->rules, path, &is_new);
	if (!slot)
		return;
	for (struct rule *r = (struct rule *)(uintptr_t)*slot; r; r = r->next)
		if (str_eq(r->key, key) && str_eq(r->program->expression, expression))
			return;
	const struct path_program *program = path_compile(&s->arena, s->definitions, expression, &options, &err);
	struct str name = arena_printf(&s->arena, "%.*s %.*s: %.*s", STR_ARG(path), STR_ARG(key), STR_ARG(expression));
	s->expressions++;
	count(s, program, name, err.text);
	struct rule *rule = ARENA_NEW(&s->arena, struct rule);
	if (!program || !rule || !runs)
		return;
	*rule = (struct rule){key, path, program, (struct rule *)(uintptr_t)*slot};
	*slot = (uintptr_t)rule;
}

static void add_structure(struct suite *s, const struct json *structure)
{
	/* What a profile demands is not asked of every resource. */
	bool runs = !str_is(json_get_str(structure, S("derivation")), "constraint");
	const struct json *elements = json_get(json_get(structure, S("snapshot")), S("element"));
	for (struct json_iter it = json_iter(elements); json_next(&it);) {
		struct str path = json_get_str(it.value, S("path"));
		if (str_ends(path, S("[x]")))
			path = str_slice(path, 0, path.n - 3);
		for (struct json_iter c = json_iter(json_get(it.value, S("constraint"))); json_next(&c);) {
			struct str expression = json_get_str(c.value, S("expression"));
			if (expression.p)
				add_rule(s, path, json_get_str(c.value, S("key")), expression, runs);
		}
	}
}

static bool add_rules(struct suite *s, struct canonicals *canonicals, struct error *err)
{
	size_t at = 0;
	const struct canonical *entry;
	while ((entry = canonicals_next(canonicals, S("StructureDefinition"), &at))) {
		const struct json *structure = canonical_json(canonicals, entry, err);
		if (!structure)
			return false;
		if (!str_is(json_get_str(structure, S("kind")), "logical"))
			add_structure(s, structure);
	}
	return true;
}

static void compile_params(struct suite *s)
{
	for (size_t i = 0; i < definitions_resource_count(s->definitions); i++) {
		const struct fhir_type *type = definitions_resource_at(s->definitions, i);
		const struct path_options options = {.start = type, .strict = true, .as_filters = true};
		for (size_t j = 0; j < type->search_param_count; j++) {
			const struct search_param *p = &type->search_params[j];
			struct arena a;
			struct error err = {0};
			if (!p->expression.n)
				continue;
			arena_init(&a, 16 << 20);
			bool ok = path_compile(&a, s->definitions, p->expression, &options, &err);
			s->expressions++;
			count(s, ok,
			      arena_printf(&a, "%.*s?%.*s: %.*s", STR_ARG(type->name), STR_ARG(p->code),
					   STR_ARG(p->expression)),
			      err.text);
			arena_done(&a);
		}
	}
}

/* ---- running --------------------------------------------------------------------------------------------------- */

struct visit {
	struct suite *suite;
	struct arena arena;
	const struct json *root;
	struct str name; /* of the file */
	bool failed;
};

static bool subsumes(void *ctx, struct arena *a, const struct path_item *general, const struct path_item *special,
		     int *ret_answer, struct error *err)
{
	(void)ctx;
	(void)a;
	(void)general;
	(void)special;
	(void)err;
	*ret_answer = -1;
	return true;
}

static bool ask_url(void *ctx, struct arena *a, const struct path_item *item, struct str url, int *ret_answer,
		    struct error *err)
{
	(void)url;
	return subsumes(ctx, a, item, item, ret_answer, err);
}

static void run_rules(struct visit *v, struct str path, const struct path_item *item, const struct json *resource)
{
	static const struct path_services services = {
		.member_of = ask_url, .conforms_to = ask_url, .subsumes = subsumes};
	uint64_t *slot = map_get(&v->suite->rules, path);
	struct path_context context = {.resource = resource,
				       .root_resource = v->root,
				       .services = &services,
				       .clock = true,
				       .now_ms = clock_now_ms()};
	for (const struct rule *r = slot ? (const struct rule *)(uintptr_t)*slot : NULL; r; r = r->next) {
		struct error err = {0};
		int truth = 1;
		arena_reset(&v->arena);
		v->suite->evaluations++;
		if (!path_eval_truth(r->program, &v->arena, &context, item, &truth, &err)) {
			printf("FAILED %.*s: %.*s %.*s: %s\n", STR_ARG(v->name), STR_ARG(path), STR_ARG(r->key),
			       err.text);
			v->failed = true;
		}
		v->suite->broken += truth == 0;
	}
}

static void visit_item(struct visit *v, const struct path_item *item, const struct json *resource);

static void visit_member(struct visit *v, const struct path_item *parent, struct str key, const struct json *value,
			 const struct json *resource)
{
	const struct fhir_type *type = NULL;
	const struct fhir_element *element = definitions_element(parent->type, key, &type);
	if (!element || json_is(value, JSON_NULL))
		return;
	if (json_is(value, JSON_ARRAY)) {
		for (struct json_iter it = json_iter(value); json_next(&it);)
			visit_member(v, parent, key, it.value, resource);
		return;
	}
	struct path_item item = path_item_element(type, element, value, NULL, parent->container);
	if (type && type->kind == TYPE_RESOURCE) {
		item = path_item_resource(v->suite->definitions, value);
		if (str_is(key, "contained"))
			item.container = parent->container;
		resource = value;
	}
	run_rules(v, element->path, &item, resource);
	visit_item(v, &item, resource);
}

static void visit_item(struct visit *v, const struct path_item *item, const struct json *resource)
{
	if (!item->type)
		return;
	/* The rules of a backbone element stand at its path. */
	if (item->type->kind != TYPE_BACKBONE)
		run_rules(v, item->type->name, item, resource);
	for (struct json_iter it = json_iter(item->value); json_next(&it);)
		visit_member(v, item, it.key, it.value, resource);
}

static void run_params(struct visit *v, const struct path_item *item)
{
	const struct path_options options = {.start = item->type, .strict = true, .as_filters = true};
	struct path_context context = {.resource = v->root};
	for (size_t i = 0; i < item->type->search_param_count; i++) {
		const struct search_param *p = &item->type->search_params[i];
		struct path_items found;
		struct error err = {0};
		if (!p->expression.n)
			continue;
		arena_reset(&v->arena);
		const struct path_program *program =
			path_compile(&v->arena, v->suite->definitions, p->expression, &options, &err);
		if (program && path_eval(program, &v->arena, &context, item, &found, &err))
			continue;
		printf("FAILED %.*s: search parameter %.*s: %s\n", STR_ARG(v->name), STR_ARG(p->code), err.text);
		v->failed = true;
	}
}

static bool take_file(void *ctx, struct str name, struct str content, struct error *err)
{
	struct suite *s = ctx;
	struct arena a;
	struct visit v = {.suite = s, .name = name};
	(void)err;
	if (!str_ends(name, S(".json")))
		return true;
	arena_init(&a, (size_t)1 << 30);
	arena_init(&v.arena, 256 << 20);
	v.root = json_parse(&a, content, 0, NULL);
	struct path_item item = path_item_resource(s->definitions, v.root);
	if (item.type) {
		visit_item(&v, &item, v.root);
		run_params(&v, &item);
		s->passed += !v.failed;
		s->failed += v.failed;
	}
	arena_done(&v.arena);
	arena_done(&a);
	return true;
}

static bool take_directory(struct suite *s, const char *path, struct error *err)
{
	DIR *dir = opendir(path);
	bool ok = dir || error_set(err, ERR_IO, "cannot open %s", path);
	for (struct dirent *entry; ok && (entry = readdir(dir));) {
		struct arena a;
		struct str text;
		arena_init(&a, (size_t)1 << 30);
		struct str file = arena_printf(&a, "%s/%s", path, entry->d_name);
		if (str_ends(file, S(".json")))
			ok = file_read(&a, file, 512 << 20, &text, err) && take_file(s, file, text, err);
		arena_done(&a);
	}
	if (dir)
		closedir(dir);
	return ok;
}

static bool take_path(struct suite *s, const char *path, struct error *err)
{
	struct arena a;
	struct str text;
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return take_directory(s, path, err);
	if (str_ends(str_from(path), S(".tgz")))
		return package_each(path, take_file, s, err);
	arena_init(&a, (size_t)1 << 30);
	bool ok = file_read(&a, str_from(path), 512 << 20, &text, err) && take_file(s, str_from(path), text, err);
	arena_done(&a);
	return ok;
}

int main(int argc, char **argv)
{
	static struct suite s;
	struct error err = {0};
	if (argc != 2) {
		fprintf(stderr, "usage: invariants_suite PACKAGE.tgz | DIRECTORY | FILE.json\n");
		return 2;
	}
	s.definitions = definitions_builtin();
	arena_init(&s.arena, (size_t)1 << 30);
	map_init(&s.rules, 1 << 20);
	struct canonicals *canonicals = canonicals_new(&err);
	bool ok = canonicals && known_read(&s.known, &s.arena, "invariants", &err) && add_rules(&s, canonicals, &err);
	compile_params(&s);
	printf("%zu expressions, programs of invariants in %.1f MB\n", s.expressions, (double)s.arena.used / 1e6);
	uint64_t from = clock_monotonic_ns();
	ok = ok && take_path(&s, argv[1], &err);
	printf("%zu evaluations of invariants in %.2f s, %zu not satisfied\n", s.evaluations,
	       (double)(clock_monotonic_ns() - from) / 1e9, s.broken);
	if (!ok)
		fprintf(stderr, "%s\n", err.text);
	printf("%zu passed, %zu failed\n", s.passed, s.failed);
	canonicals_free(canonicals);
	map_done(&s.rules);
	arena_done(&s.arena);
	return s.failed || !ok ? 1 : 0;
}
