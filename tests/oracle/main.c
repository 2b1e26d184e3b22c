/*
 * The driver: oracle --queries N --seed S [--store LOCATION] [--strict]. Fills an empty store with made-up resources
 * and asks it made-up questions, page by page; in between resources are written anew and deleted. What the store says,
 * what the plain meaning over index rows says and what the naive answer says have to agree. LOCATION is a directory or
 * a postgresql:// URL; without one only the meaning over rows is asked. --strict: refusals of the store are failures.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "fhir/resource.h"
#include "oracle.h"
#include "search/search.h"
#include "store/store.h"

struct driver {
	struct oracle o;
	struct arena arena, kept, world;
	struct map programs;
	struct extractor *extractor;
	struct store *store; /* NULL: rows only */
	struct search_resource resources[THING_COUNT];
	struct index_rows rows[THING_COUNT];
	int64_t writes;
	bool strict;
	size_t refused, hits;
	char problem[2000];
};

static bool problem(struct driver *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool problem(struct driver *d, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(d->problem, sizeof(d->problem), format, args);
	va_end(args);
	return false;
}

/* ---- the world ----------------------------------------------------------------------------------------------------
 */

static bool commit(struct driver *d, size_t at, enum store_op op, struct error *err)
{
	struct thing *t = &d->o.things[at];
	struct store_change change = {.op = op, .type = t->type, .id = str_from(t->id)};
	struct store_txn txn = {.changes = &change, .change_count = 1};
	struct buf stored;
	buf_init(&stored, 1 << 20);
	if (op != STORE_DELETE) {
		resource_write_stored(&stored, t->body, str_from(t->id), NULL, &change.meta_at);
		change.stored = buf_str(&stored);
		change.rows = d->rows[at].rows;
		change.row_count = d->rows[at].count;
	}
	bool ok = !d->store || store_commit(d->store, &txn, err);
	t->updated_ms = d->store ? change.updated_ms : 1600000000000 + d->writes * 1000;
	buf_done(&stored);
	return ok;
}

static bool write_thing(struct driver *d, size_t at, struct error *err)
{
	struct thing *t = &d->o.things[at];
	bool gone = t->body && !dice_roll(&d->o.dice, 6);
	const char *type = word_types[at / WORD_IDS];
	t->type = definitions_resource(d->o.definitions, str_from(type));
	snprintf(t->id, sizeof(t->id), "r%u", (unsigned)(at % WORD_IDS));
	t->body = NULL;
	d->rows[at] = (struct index_rows){0};
	if (!gone) {
		struct str text = world_resource(&d->o, type, t->id);
		t->text = arena_str(&d->world, text);
		t->body = json_parse(&d->world, t->text, 0, err);
		if (!t->body || !extract(d->extractor, &d->world, t->body, S(ORACLE_BASE), &d->rows[at], err))
			return false;
	}
	t->order = ++d->writes;
	bool ok = commit(d, at, gone ? STORE_DELETE : STORE_UPDATE, err);
	d->resources[at] = (struct search_resource){.type = t->type,
						    .id = str_from(t->id),
						    .updated_ms = t->updated_ms,
						    .rows = &d->rows[at],
						    .body = t->body};
	return ok;
}

/* The living ones in a row, for chains. */
static struct search_world living(struct driver *d)
{
	struct search_resource *list = ARENA_ARRAY(&d->arena, struct search_resource, THING_COUNT);
	size_t count = 0;
	for (size_t i = 0; i < THING_COUNT; i++)
		if (d->o.things[i].body)
			list[count++] = d->resources[i];
	return (struct search_world){.resources = list, .count = count};
}

/* ---- terminology ---------------------------------------------------------------------------------------------------
 */

static bool give_codes(struct arena *a, const struct term_code *codes, size_t count, struct search_code **ret_codes,
		       size_t *ret_count)
{
	*ret_codes = ARENA_ARRAY(a, struct search_code, count + 1);
	for (*ret_count = 0; *ret_count < count; (*ret_count)++)
		(*ret_codes)[*ret_count] =
			(struct search_code){str_from(codes[*ret_count].system), str_from(codes[*ret_count].code)};
	return true;
}

static bool expand(void *ctx, struct arena *a, struct str value_set, size_t max, struct search_code **ret_codes,
		   size_t *ret_count, struct error *err)
{
	struct term_code codes[8];
	(void)ctx, (void)max, (void)err;
	return give_codes(a, codes, terms_in(arena_str(a, value_set).p, codes), ret_codes, ret_count);
}

static bool related(void *ctx, struct arena *a, const struct search_code *code, bool below, size_t max,
		    struct search_code **ret_codes, size_t *ret_count, struct error *err)
{
	struct term_code codes[8];
	(void)ctx, (void)max, (void)err;
	size_t count = terms_related(arena_str(a, code->system).p, arena_str(a, code->code).p, below, codes);
	return give_codes(a, codes, count, ret_codes, ret_count);
}

/* ---- what may be seen -----------------------------------------------------------------------------------------------
 */

struct sight {
	const struct question *q;
	struct criterion limits[LIMITS];
};

static const struct criterion *limit_of(void *ctx, const struct fhir_type *type, enum search_sight sight)
{
	struct sight *s = ctx;
	(void)sight;
	for (size_t i = 0; i < s->q->limit_count; i++)
		if (str_is(type->name, s->q->limits[i].type))
			return &s->limits[i];
	return NULL;
}

static bool read_limits(struct driver *d, const struct search_options *options, struct sight *s)
{
	for (size_t i = 0; i < s->q->limit_count; i++) {
		const struct limit *l = &s->q->limits[i];
		struct search_query query;
		struct error err = {0};
		s->limits[i] = (struct criterion){.kind = CRITERION_NONE};
		if (!l->ask_count)
			continue;
		if (!search_parse(d->o.definitions, &d->arena,
				  definitions_resource(d->o.definitions, str_from(l->type)), l->query, options, &query,
				  &err))
			return problem(d, "a limit is refused: %s", err.text);
		s->limits[i] = (struct criterion){.kind = CRITERION_AND,
						  .children = query.parts->criteria,
						  .child_count = query.parts->criterion_count};
	}
	return true;
}

/* ---- comparing ----------------------------------------------------------------------------------------------------
 */

static bool row_matches(struct driver *d, const struct search_query *q, size_t at, const struct search_world *world,
			bool *ret_matches, struct error *err)
{
	*ret_matches = false;
	for (size_t i = 0; i < q->part_count && !*ret_matches; i++) {
		const struct search_part *part = &q->parts[i];
		bool meets = part->type == d->resources[at].type;
		if (meets &&
		    !search_access_meets(d->extractor, &d->arena, q->access, &d->resources[at], world, &meets, err))
			return false;
		for (size_t k = 0; k < part->criterion_count && meets; k++)
			if (!search_body_meets(d->extractor, &d->arena, &part->criteria[k], &d->resources[at], world,
					       &meets, err))
				return false;
		*ret_matches = meets;
	}
	return true;
}

static bool check_rows(struct driver *d, const struct search_query *query, const struct naive_answer *wanted)
{
	struct search_world world = living(d);
	struct error err = {0};
	world.access = query->access;
	for (size_t i = 0; i < THING_COUNT; i++) {
		const struct thing *t = &d->o.things[i];
		bool matches = false, expected = false;
		if (!t->body)
			continue;
		if (!row_matches(d, query, i, &world, &matches, &err))
			return problem(d, "the meaning over rows fails: %s", err.text);
		for (size_t k = 0; k < wanted->match_count; k++)
			expected |= wanted->matches[k] == t;
		if (matches != expected)
			return problem(d, "%.*s/%s should %smatch by its rows\n%.*s", STR_ARG(t->type->name), t->id,
				       expected ? "" : "not ", STR_ARG(t->text));
	}
	return true;
}

static bool check_includes(struct driver *d, const struct question *q, const struct store_page *page,
			   const struct thing *const *matches)
{
	const struct thing *wanted[THING_COUNT];
	size_t count = naive_include(&d->o, q, matches, page->match_count, wanted);
	for (size_t i = 0; i < count; i++) {
		bool there = false;
		for (size_t k = page->match_count; k < page->count && !there; k++)
			there = page->entries[k].type == wanted[i]->type && str_is(page->entries[k].id, wanted[i]->id);
		if (!there)
			return problem(d, "%.*s/%s should be included", STR_ARG(wanted[i]->type->name), wanted[i]->id);
	}
	if (page->count - page->match_count != count)
		return problem(d, "%zu resources are included instead of %zu", page->count - page->match_count, count);
	return true;
}

static bool check_page(struct driver *d, const struct question *q, const struct store_page *page, size_t at,
		       const struct naive_answer *wanted)
{
	size_t left = wanted->match_count - at, size = left < q->count ? left : q->count;
	if (page->total != (int64_t)wanted->match_count)
		return problem(d, "the total is %lld instead of %zu", (long long)page->total, wanted->match_count);
	if (page->match_count != size)
		return problem(d, "a page has %zu matches instead of %zu", page->match_count, size);
	for (size_t i = 0; i < size; i++) {
		const struct thing *t = wanted->matches[at + i];
		const struct store_entry *e = &page->entries[i];
		if (e->type != t->type || !str_is(e->id, t->id))
			return problem(d, "match %zu is %.*s/%.*s instead of %.*s/%s", at + i, STR_ARG(e->type->name),
				       STR_ARG(e->id), STR_ARG(t->type->name), t->id);
	}
	return check_includes(d, q, page, wanted->matches + at);
}

static bool check_store(struct driver *d, const struct question *q, const struct search_query *query,
			const struct naive_answer *wanted)
{
	struct store_search_options options = {0};
	size_t at = 0;
	do {
		struct store_page page;
		struct error err = {0};
		if (!store_search(d->store, &d->arena, query, &options, &page, &err)) {
			d->refused++;
			if (err.code == ERR_NOT_SUPPORTED && !d->strict)
				return true;
			return problem(d, "the store fails: %s: %s", error_name(err.code), err.text);
		}
		if (!check_page(d, q, &page, at, wanted))
			return false;
		at += page.match_count;
		options.position = page.next;
	} while (options.position.p);
	return at == wanted->match_count || problem(d, "the pages end after %zu matches", at);
}

static bool check(struct driver *d, const struct question *q)
{
	struct search_query query, again;
	struct error err = {0};
	struct naive_answer wanted;
	struct search_scope scope = {.compartment_id = str_from(q->compartment_id)};
	const struct search_terminology terminology = {NULL, expand, related};
	const struct search_options options = {
		.base = S(ORACLE_BASE), .now_ms = ORACLE_NOW, .terminology = &terminology};
	if (q->type)
		scope.type = definitions_resource(d->o.definitions, str_from(q->type));
	if (q->compartment)
		scope.compartment = definitions_resource(d->o.definitions, str_from(q->compartment));
	if (!search_parse_scope(d->o.definitions, &d->arena, &scope, q->query, &options, &query, &err))
		return problem(d, "the query is refused: %s", err.text);
	if (!search_parse_scope(d->o.definitions, &d->arena, &scope, query.self, &options, &again, &err) ||
	    !str_eq(query.self, again.self))
		return problem(d, "the self link is another query: %.*s: %s", STR_ARG(query.self), err.text);
	struct sight sight = {.q = q};
	const struct search_access access = {d->o.definitions, limit_of, &sight};
	if (!read_limits(d, &options, &sight))
		return false;
	query.access = q->limit_count ? &access : NULL;
	naive_find(&d->o, q, &wanted);
	d->hits += wanted.match_count > 0;
	return check_rows(d, &query, &wanted) && (!d->store || check_store(d, q, &query, &wanted));
}

/* ---- telling ------------------------------------------------------------------------------------------------------
 */

/* Does it still fail without the part at `at` of an array of `count` parts of `size` bytes? Then it stays away. */
static bool try_without(struct driver *d, struct question *q, void *array, size_t *count, size_t at, size_t size)
{
	struct question before = *q;
	char *p = array;
	memmove(p + at * size, p + (at + 1) * size, (*count - at - 1) * size);
	(*count)--;
	question_write(&d->o, q);
	if (!check(d, q))
		return true;
	*q = before;
	return false;
}

static void shrink(struct driver *d, struct question *q)
{
	for (size_t i = q->include_count; i-- > 0;)
		try_without(d, q, q->includes, &q->include_count, i, sizeof(q->includes[0]));
	for (size_t i = q->sort_count; i-- > 0;)
		try_without(d, q, q->sorts, &q->sort_count, i, sizeof(q->sorts[0]));
	for (size_t i = q->limit_count; i-- > 0;)
		try_without(d, q, q->limits, &q->limit_count, i, sizeof(q->limits[0]));
	for (size_t i = q->ask_count; i-- > 0;)
		try_without(d, q, q->asks, &q->ask_count, i, sizeof(q->asks[0]));
	question_write(&d->o, q);
	(void)check(d, q);
}

static bool run(struct driver *d, uint64_t queries, uint64_t seed)
{
	struct error err = {0};
	for (size_t i = 0; i < THING_COUNT; i++)
		if (!write_thing(d, i, &err))
			return problem(d, "writing fails: %s", err.text);
	for (uint64_t i = 0; i < queries; i++) {
		struct question q;
		arena_reset(&d->arena);
		question_make(&d->o, &q);
		if (!check(d, &q)) {
			shrink(d, &q);
			for (size_t k = 0; k < q.limit_count; k++)
				printf("may see of %s: %.*s\n", q.limits[k].type, STR_ARG(q.limits[k].query));
			printf("not ok %llu: %s%s%s%s%s?%.*s\n%s\nagain by --queries %llu --seed %llu\n",
			       (unsigned long long)i, q.compartment ? q.compartment : "", q.compartment ? "/" : "",
			       q.compartment ? q.compartment_id : "", q.compartment ? "/" : "", q.type ? q.type : "",
			       STR_ARG(q.query), d->problem, (unsigned long long)i + 1, (unsigned long long)seed);
			return false;
		}
		if (i % 10 == 9 && !write_thing(d, dice_roll(&d->o.dice, THING_COUNT), &err))
			return problem(d, "writing fails: %s", err.text);
	}
	printf("%llu queries agree, %zu of them with matches; the store refused %zu\n", (unsigned long long)queries,
	       d->hits, d->refused);
	return true;
}

static bool open_all(struct driver *d, const char *location, uint64_t seed, struct error *err)
{
	arena_init(&d->arena, (size_t)1 << 30);
	arena_init(&d->kept, (size_t)1 << 28);
	arena_init(&d->world, (size_t)1 << 32);
	map_init(&d->programs, 1 << 16);
	d->o = (struct oracle){.definitions = definitions_builtin(),
			       .arena = &d->arena,
			       .kept = &d->kept,
			       .dice = {seed * 2654435761u + 1},
			       .programs = &d->programs};
	d->extractor = extractor_new(d->o.definitions, err);
	struct store_options options = {.definitions = d->o.definitions,
					.words_lag = 3}; /* often enough behind, and often not */
	if (location)
		d->store = store_open(str_from(location), &options, err);
	return d->extractor && (!location || d->store);
}

int main(int argc, char **argv)
{
	static struct driver d;
	const char *location = NULL;
	uint64_t queries = 500, seed = 1;
	struct error err = {0};
	bool usage = false;
	for (int i = 1; i < argc; i++) {
		struct str name = str_from(argv[i]);
		if (str_is(name, "--strict"))
			d.strict = true;
		else if (i + 1 == argc)
			usage = true;
		else if (str_is(name, "--store"))
			location = argv[++i];
		else if (str_is(name, "--queries"))
			usage |= !str_to_u64(str_from(argv[++i]), &queries);
		else if (str_is(name, "--seed"))
			usage |= !str_to_u64(str_from(argv[++i]), &seed);
		else
			usage = true;
	}
	if (usage) {
		fprintf(stderr, "usage: oracle [--queries N] [--seed S] [--store LOCATION] [--strict]\n");
		return 2;
	}
	bool ok = open_all(&d, location, seed, &err);
	if (!ok)
		printf("not ok: %s\n", err.text);
	ok = ok && run(&d, queries, seed);
	if (!ok && d.problem[0])
		printf("failed: %s\n", d.problem);
	store_close(d.store);
	extractor_free(d.extractor);
	map_done(&d.programs);
	arena_done(&d.world);
	arena_done(&d.kept);
	arena_done(&d.arena);
	return ok ? 0 : 1;
}
