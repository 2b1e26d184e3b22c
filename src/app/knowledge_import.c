/*
 * `firth knowledge import`: a site's own knowledge into a directory of tables that `--tables` reads: an RxNorm release,
 * a table in our form, or pairs of drugs as commercial tables list them. What was written is loaded before it counts,
 * so a table that does not hold leaves the directory as it was.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "app/knowledge.h"
#include "app/knowledge_rrf.h"
#include "base/file.h"
#include "clinical/knowledge.h"
#include "clinical/tsv.h"

struct wanted {
	struct str into, rxnorm, pairs, source;
	struct option_list tables;
};
struct made {
	const char *names[20];
	struct str texts[20];
	size_t count;
};

static bool add(struct made *m, const char *name, struct str text, struct error *err)
{
	if (m->count == sizeof(m->names) / sizeof(m->names[0]))
		return error_set(err, ERR_USAGE, "These are more tables than one import takes.");
	m->names[m->count] = name;
	m->texts[m->count++] = text;
	return true;
}

/* ---- RxNorm --------------------------------------------------------------------------------------------------------
 */

static bool from_rxnorm(struct app *app, struct str directory, struct made *m, struct error *err)
{
	struct buf out[3];
	static const char *const names[] = {"ingredients", "drugs", "ndc"};
	for (int i = 0; i < 3; i++)
		buf_init(&out[i], KNOWLEDGE_FILE_MAX);
	bool ok = knowledge_rrf_read(&app->arena, directory, &out[0], &out[1], &out[2], err);
	for (int i = 0; i < 3; i++) {
		struct str text = ok ? arena_str(&app->arena, buf_str(&out[i])) : STR_NULL;
		ok = ok && (text.p ? add(m, names[i], text, err) : error_memory(err));
		buf_done(&out[i]);
	}
	return ok;
}

/* ---- a site's table ------------------------------------------------------------------------------------------------
 */

/* "interactions=FILE", or a FILE that has the name of its table. */
static bool from_table(struct app *app, struct str what, struct made *m, struct error *err)
{
	size_t equals = str_find_char(what, '=', 0), slash = str_rfind_char(what, '/');
	struct str path = equals == STR_NONE ? what : str_slice(what, equals + 1, what.n);
	struct str name = equals == STR_NONE ? str_slice(what, slash == STR_NONE ? 0 : slash + 1, what.n)
					     : str_slice(what, 0, equals);
	if (str_ends(name, S(".tsv")))
		name.n -= 4;
	for (size_t i = 0; app_knowledge_tables[i]; i++) {
		struct str text;
		if (!str_is(name, app_knowledge_tables[i]))
			continue;
		return file_read(&app->arena, path, KNOWLEDGE_FILE_MAX, &text, err) &&
		       add(m, app_knowledge_tables[i], text, err);
	}
	return error_set(err, ERR_USAGE, "\"%.*s\" is no table; write TABLE=FILE.", STR_ARG(str_slice(name, 0, 60)));
}

/* ---- pairs ---------------------------------------------------------------------------------------------------------
 */

static const char *level_of(struct str severity)
{
	static const char *const words[][2] = {
		{"contraindicated", "critical"}, {"severe", "critical"}, {"high", "critical"}, {"major", "warning"},
		{"moderate", "warning"},	 {"minor", "info"},	 {"low", "info"}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_eq_nocase(severity, str_from(words[i][0])))
			return words[i][1];
	}
	return NULL;
}

static bool pair_side(const struct knowledge *k, const struct tsv *t, struct str drug, unsigned long *ret,
		      struct error *err)
{
	int i = knowledge_ingredient_named(k, drug);
	if (i < 0)
		return error_set(err, ERR_CONFIG,
				 "Line %zu of the pairs: \"%.*s\" is no ingredient that the tables know.", t->line,
				 STR_ARG(str_slice(drug, 0, 60)));
	*ret = knowledge_ingredient(k, (unsigned)i)->rxcui;
	return true;
}

static bool put_pairs(const struct knowledge *k, struct str text, struct str source, struct buf *out, struct error *err)
{
	static const char *const columns[] = {"drug_a", "drug_b", "severity", "effect", "advice"};
	struct tsv t;
	struct str f[5];
	struct error row = {0};
	if (!tsv_open(&t, "pairs", text, columns, 5, err))
		return false;
	buf_add(out,
		S("rule\ttier\ta\tb\tseverity\tlevel\tadjust\tlocal\twashout\tmechanism\teffect\tadvice\tverified\t"
		  "source\n"));
	while (tsv_next(&t, f, &row)) {
		unsigned long a = 0, b = 0;
		const char *level = level_of(f[2]);
		if (!level)
			return error_set(err, ERR_CONFIG, "Line %zu of the pairs: the severity \"%.*s\" is unknown.",
					 t.line, STR_ARG(str_slice(f[2], 0, 40)));
		if (!pair_side(k, &t, f[0], &a, err) || !pair_side(k, &t, f[1], &b, err))
			return false;
		buf_printf(out, "SITE-%lu-%lu\tmajor\t%lu\t%lu\t%.*s\t%s\t\t\t\t\t%.*s\t%.*s\tyes\t%.*s\n",
			   a < b ? a : b, a < b ? b : a, a, b, STR_ARG(f[2]), level, STR_ARG(f[3]), STR_ARG(f[4]),
			   STR_ARG(source));
	}
	if (row.code)
		*err = row;
	return !row.code;
}

static bool from_pairs(struct app *app, const struct wanted *w, struct made *m, struct error *err)
{
	struct str text, made = STR_NULL;
	struct buf out;
	if (!w->source.n || str_find_char(w->source, '\t', 0) != STR_NONE)
		return error_set(err, ERR_USAGE, "--pairs needs --source: where the table comes from, for the cards.");
	struct knowledge *k = app_knowledge(&app->arena, S(""), err);
	if (!k)
		return false;
	buf_init(&out, KNOWLEDGE_FILE_MAX);
	bool ok = file_read(&app->arena, w->pairs, KNOWLEDGE_FILE_MAX, &text, err) &&
		  put_pairs(k, text, w->source, &out, err);
	if (ok)
		made = buf_ok(&out) ? arena_str(&app->arena, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	knowledge_free(k);
	return ok && (made.p ? add(m, "interactions", made, err) : error_memory(err));
}

/* ---- all of it -----------------------------------------------------------------------------------------------------
 */

static bool prove(struct app *app, const struct made *m, struct error *err)
{
	struct knowledge_table tables[20];
	for (size_t i = 0; i < m->count; i++)
		tables[i] = (struct knowledge_table){str_from(m->names[i]), m->texts[i]};
	struct knowledge *k = knowledge_new(&app->arena, tables, m->count, err);
	knowledge_free(k);
	return k != NULL;
}

static bool write_all(struct app *app, struct str into, const struct made *m, struct error *err)
{
	mkdir(into.p, 0777); /* when it cannot be made, writing says why */
	for (size_t i = 0; i < m->count; i++) {
		struct str path = arena_printf(&app->arena, "%.*s/%s.tsv", STR_ARG(into), m->names[i]);
		if (!path.p || !file_write(path, m->texts[i], 0644, err))
			return path.p ? false : error_memory(err);
		size_t lines = 0;
		for (size_t n = 0; n < m->texts[i].n; n++)
			lines += m->texts[i].p[n] == '\n';
		if (!app->json)
			printf("%s: %zu rows\n", path.p, lines ? lines - 1 : 0);
	}
	if (app->json)
		printf("{\"tables\":%zu}\n", m->count);
	return true;
}

int command_knowledge_import(struct app *app)
{
	struct wanted w = {.into = S(""), .rxnorm = S(""), .pairs = S(""), .source = S("")};
	const struct option options[] = {
		{"into", OPTION_TEXT, "DIR", "where the tables go; --tables of other commands reads it", &w.into, NULL},
		{"rxnorm", OPTION_TEXT, "DIR", "an RxNorm release: RXNCONSO.RRF, RXNREL.RRF, RXNSAT.RRF", &w.rxnorm,
		 NULL},
		{"table", OPTION_LIST, "TABLE=FILE", "a table in the form of data/knowledge", &w.tables, NULL},
		{"pairs", OPTION_TEXT, "FILE", "tab separated: drug_a drug_b severity effect advice", &w.pairs, NULL},
		{"source", OPTION_TEXT, "TEXT", "where the pairs come from", &w.source, NULL},
	};
	const struct command_line line = {
		OPTIONS(options),
		.details = "Each table replaces the one of that name in DIR. Rows with a rule or code that came with\n"
			   "Firth replace it.\n\n"
			   "  firth knowledge import --into site --rxnorm rrf\n"
			   "  firth knowledge import --into site --pairs pairs.tsv --source 'Pharmacy committee, 2026'",
	};
	struct error err = {0};
	struct made m = {.count = 0};
	bool ok = true;
	if (!app_options(app, &line))
		return app->status;
	if (!w.into.n || (!w.rxnorm.n && !w.pairs.n && !w.tables.count))
		return app_misuse(app, "say --into and what to import: --rxnorm, --table or --pairs");
	if (w.rxnorm.n)
		ok = from_rxnorm(app, w.rxnorm, &m, &err);
	for (size_t i = 0; ok && i < w.tables.count; i++)
		ok = from_table(app, w.tables.items[i], &m, &err);
	if (ok && w.pairs.n)
		ok = from_pairs(app, &w, &m, &err);
	ok = ok && prove(app, &m, &err) && write_all(app, w.into, &m, &err);
	return ok ? APP_OK : app_fail(app, &err);
}
