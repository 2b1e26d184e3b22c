/*
 * RxNorm's relational files (RxNorm technical documentation, sections 12 and 13): concepts from RXNCONSO, what they
 * consist of from RXNREL, NDCs from RXNSAT. Only RxNorm's own rows are taken, which need no licence. A product's
 * ingredients are found by following what it contains, consists of or is a trade name of down to ingredients (IN).
 */
#include "app/knowledge_rrf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "clinical/medication.h"

enum { RRF_FIELDS = 20, RRF_CONCEPTS_MAX = 1000000, RRF_LINKS_MAX = 8000000, DEPTH_MAX = 5, INGREDIENTS_MAX = 60 };

struct concept {
	struct str rxcui, name;
	char tty[5];
	size_t link_from, link_count;
	size_t base, form; /* STR_NONE: none */
};
struct link {
	uint32_t from, to;
};
struct rrf {
	struct arena *arena;
	struct map names; /* rxcui to place */
	struct concept *concepts;
	size_t concept_count, concept_capacity;
	struct link *links;
	size_t link_count, link_capacity;
};

/* Calls row() for each line of a file; fields are only valid during the call. */
static bool each_row(struct rrf *r, struct str directory, const char *name, bool optional,
		     bool (*row)(struct rrf *r, struct str *f, size_t n, void *context, struct error *err),
		     void *context, struct error *err)
{
	struct str path = arena_printf(r->arena, "%.*s/%s", STR_ARG(directory), name);
	FILE *file = path.p ? fopen(path.p, "re") : NULL;
	char *line = NULL;
	size_t room = 0;
	ssize_t length = 0;
	bool ok = true;
	if (!file)
		return optional || error_set(err, ERR_NOT_FOUND, "There is no %s in %.*s.", name, STR_ARG(directory));
	while (ok && (length = getline(&line, &room, file)) > 0) {
		struct str f[RRF_FIELDS] = {0}, rest = str_make(line, (size_t)length);
		size_t n = 0;
		while (rest.p && n < RRF_FIELDS)
			f[n++] = str_split(&rest, '|');
		ok = row(r, f, n, context, err);
	}
	if (ok && ferror(file))
		ok = error_set(err, ERR_IO, "%s cannot be read.", path.p);
	free(line);
	fclose(file);
	return ok;
}

static bool is_tty(struct str tty)
{
	static const char *const kinds[] = {"IN", "PIN",  "MIN",  "SCD",  "SBD",  "GPCK", "BPCK",
					    "BN", "SCDC", "SBDC", "SCDF", "SBDF", "DF"};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (str_is(tty, kinds[i]))
			return true;
	}
	return false;
}

/* RXCUI|LAT|TS|LUI|STT|SUI|ISPREF|RXAUI|SAUI|SCUI|SDUI|SAB|TTY|CODE|STR|SRL|SUPPRESS|CVF */
static bool take_concept(struct rrf *r, struct str *f, size_t n, void *context, struct error *err)
{
	(void)context;
	if (n < 17 || !str_is(f[11], "RXNORM") || !is_tty(f[12]) || str_is(f[16], "O"))
		return true;
	if (r->concept_count == RRF_CONCEPTS_MAX)
		return error_set(err, ERR_LIMIT, "The release has more than %d concepts.", RRF_CONCEPTS_MAX);
	if (r->concept_count == r->concept_capacity) {
		struct concept *grown = arena_grow(r->arena, r->concepts, r->concept_count, &r->concept_capacity,
						   r->concept_count + 1, sizeof(*grown));
		if (!grown)
			return error_memory(err);
		r->concepts = grown;
	}
	struct concept *c = &r->concepts[r->concept_count];
	*c = (struct concept){.rxcui = arena_str(r->arena, f[0]),
			      .name = arena_str(r->arena, f[14]),
			      .base = STR_NONE,
			      .form = STR_NONE};
	memcpy(c->tty, f[12].p, f[12].n < sizeof(c->tty) - 1 ? f[12].n : sizeof(c->tty) - 1);
	uint64_t *slot = c->rxcui.p && c->name.p ? map_put(&r->names, c->rxcui, NULL) : NULL;
	if (!slot)
		return error_memory(err);
	*slot = r->concept_count++;
	return true;
}

/* RXCUI1|RXAUI1|STYPE1|REL|RXCUI2|RXAUI2|STYPE2|RELA|RUI|SRUI|SAB|...: the second is RELA of the first. */
static bool take_relation(struct rrf *r, struct str *f, size_t n, void *context, struct error *err)
{
	static const char *const down[] = {"has_ingredient", "consists_of", "contains",
					   "tradename_of",   "has_part",    "has_ingredients"};
	(void)context;
	const uint64_t *to = n >= 11 && str_is(f[10], "RXNORM") ? map_get(&r->names, f[0]) : NULL;
	const uint64_t *from = to ? map_get(&r->names, f[4]) : NULL;
	if (!from)
		return true;
	if (str_is(f[7], "form_of") && str_is(str_from(r->concepts[*from].tty), "PIN"))
		r->concepts[*from].base = *to;
	if (str_is(f[7], "has_dose_form"))
		r->concepts[*from].form = *to;
	bool wanted = false;
	for (size_t i = 0; i < sizeof(down) / sizeof(down[0]); i++)
		wanted |= str_is(f[7], down[i]);
	if (!wanted)
		return true;
	if (r->link_count == RRF_LINKS_MAX)
		return error_set(err, ERR_LIMIT, "The release has more than %d relations.", RRF_LINKS_MAX);
	if (r->link_count == r->link_capacity) {
		struct link *grown = arena_grow(r->arena, r->links, r->link_count, &r->link_capacity, r->link_count + 1,
						sizeof(*grown));
		if (!grown)
			return error_memory(err);
		r->links = grown;
	}
	r->links[r->link_count++] = (struct link){(uint32_t)*from, (uint32_t)*to};
	return true;
}

static int compare_links(const void *a, const void *b)
{
	const struct link *x = a, *y = b;
	return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->to > y->to) - (x->to < y->to);
}

static void sort_links(struct rrf *r)
{
	if (r->link_count)
		qsort(r->links, r->link_count, sizeof(*r->links), compare_links);
	for (size_t i = 0; i < r->link_count; i++) {
		struct concept *c = &r->concepts[r->links[i].from];
		if (!c->link_count++)
			c->link_from = i;
	}
}

/* The ingredients below a concept, each once. */
static void collect(const struct rrf *r, size_t at, int depth, size_t *list, size_t *count)
{
	const struct concept *c = &r->concepts[at];
	if (str_is(str_from(c->tty), "IN")) {
		for (size_t i = 0; i < *count; i++) {
			if (list[i] == at)
				return;
		}
		if (*count < INGREDIENTS_MAX)
			list[(*count)++] = at;
		return;
	}
	for (size_t i = 0; depth && i < c->link_count; i++)
		collect(r, r->links[c->link_from + i].to, depth - 1, list, count);
}

/* No tab or line end belongs in a table. */
static void put_field(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		buf_char(out, text.p[i] == '\t' || text.p[i] == '\n' || text.p[i] == '\r' ? ' ' : text.p[i]);
}

static void put_ingredient(const struct rrf *r, const struct concept *c, struct buf *out)
{
	put_field(out, c->rxcui);
	buf_printf(out, "\t%s\t", c->tty);
	put_field(out, c->name);
	buf_char(out, '\t');
	if (c->base != STR_NONE)
		put_field(out, r->concepts[c->base].rxcui);
	buf_add(out, S("\t\t\t\tyes\timported\n"));
}

static void put_drug(const struct rrf *r, size_t at, struct buf *out)
{
	const struct concept *c = &r->concepts[at];
	size_t list[INGREDIENTS_MAX], count = 0;
	collect(r, at, DEPTH_MAX, list, &count);
	if (!count)
		return;
	put_field(out, c->rxcui);
	for (size_t i = 0; i < count; i++) {
		buf_char(out, i ? '|' : '\t');
		put_field(out, r->concepts[list[i]].rxcui);
	}
	struct str form = c->form != STR_NONE ? r->concepts[c->form].name : c->name;
	bool single = c->form != STR_NONE;
	enum drug_route route = medication_route_of_words(form);
	buf_char(out, '\t');
	if (single)
		put_field(out, form);
	buf_printf(out, "\t%s\t\timported\n", route == ROUTE_UNKNOWN ? "" : drug_route_name(route));
}

static bool is_ingredient(const struct concept *c)
{
	return str_is(str_from(c->tty), "IN") || str_is(str_from(c->tty), "PIN");
}

/* RXCUI|LUI|SUI|RXAUI|STYPE|CODE|ATUI|SATUI|ATN|SAB|ATV|SUPPRESS|CVF */
static bool take_attribute(struct rrf *r, struct str *f, size_t n, void *context, struct error *err)
{
	struct buf *ndc = context;
	(void)err;
	if (n < 12 || !str_is(f[8], "NDC") || !str_is(f[9], "RXNORM") || f[10].n != 11 || str_is(f[11], "O") ||
	    !map_get(&r->names, f[0]))
		return true;
	put_field(ndc, f[10]);
	buf_char(ndc, '\t');
	put_field(ndc, f[0]);
	buf_add(ndc, S("\timported\n"));
	return true;
}

bool knowledge_rrf_read(struct arena *a, struct str directory, struct buf *ingredients, struct buf *drugs,
			struct buf *ndc, struct error *err)
{
	struct rrf r = {.arena = a};
	map_init(&r.names, RRF_CONCEPTS_MAX);
	buf_add(ingredients, S("rxcui\ttty\tname\tbase\tunii\tatc\tsynonyms\tverified\tsource\n"));
	buf_add(drugs, S("rxcui\tingredients\tform\troute\tmg\tsource\n"));
	buf_add(ndc, S("ndc\trxcui\tsource\n"));
	bool ok = each_row(&r, directory, "RXNCONSO.RRF", false, take_concept, NULL, err) &&
		  each_row(&r, directory, "RXNREL.RRF", false, take_relation, NULL, err);
	if (ok && !r.concept_count)
		ok = error_set(err, ERR_CONFIG, "RXNCONSO.RRF has no concept of RxNorm.");
	if (ok)
		sort_links(&r);
	for (size_t i = 0; ok && i < r.concept_count; i++) {
		struct str tty = str_from(r.concepts[i].tty);
		if (is_ingredient(&r.concepts[i]))
			put_ingredient(&r, &r.concepts[i], ingredients);
		else if (!str_is(tty, "DF"))
			put_drug(&r, i, drugs);
	}
	ok = ok && each_row(&r, directory, "RXNSAT.RRF", true, take_attribute, ndc, err);
	map_done(&r.names);
	if (ok && (!buf_ok(ingredients) || !buf_ok(drugs) || !buf_ok(ndc)))
		ok = error_memory(err);
	return ok;
}
