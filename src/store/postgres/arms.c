/*
 * The SQL of the ways into the index tables. Arms of one form are asked together: their values go as an array per
 * column, and a lateral join follows each arm's range of the index. Each form has a counting statement, one that gives
 * vids, and one for each direction that gives versions as well.
 */
#include <pthread.h>

#include "store/postgres/source.h"

static struct buf texts[FORM_COUNT][ARM_USES];
static bool made;

static const char *array_of(enum seek_compare compare, const char *column)
{
	static const char *const bytes[] = {"code", "text", "unit"};
	if (compare == COMPARE_PART)
		return "bytea";
	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		if (strcmp(column, bytes[i]) == 0)
			return "bytea";
	return "bigint";
}

/* Numbers of the table number are float8, dates bigint, under the same names. */
static const char *type_of(const struct seek_form_info *info, size_t i)
{
	const char *column = info->columns[i].name;
	bool end = strcmp(column, "low") == 0 || strcmp(column, "high") == 0;
	return end && strcmp(info->table, "number") == 0 ? "float8" : array_of(info->columns[i].compare, column);
}

/* Columns narrower than what is sent. */
static const char *narrowed(const char *column)
{
	if (strcmp(column, "width") == 0)
		return "::smallint";
	return strcmp(column, "param") == 0 || strcmp(column, "system") == 0 || strcmp(column, "type") == 0
		       ? "::integer"
		       : "";
}

/* The values of an arm: PART has two. */
static void add_arrays(struct buf *sql, const struct seek_form_info *info, size_t *ret_count)
{
	size_t n = 0;
	buf_printf(sql, "unnest(");
	for (size_t i = 0; i < ARM_VALUES && info->columns[i].name; i++) {
		buf_printf(sql, "%s$%zu::%s[]", n ? ", " : "", n + 1, type_of(info, i));
		n++;
		if (info->columns[i].compare == COMPARE_PART)
			buf_printf(sql, ", $%zu::bigint[]", ++n);
	}
	buf_printf(sql, ") WITH ORDINALITY AS a(");
	for (size_t i = 0; i < n; i++)
		buf_printf(sql, "a%zu, ", i + 1);
	buf_printf(sql, "n)");
	*ret_count = n;
}

static void add_columns(struct buf *sql, const struct seek_form_info *info)
{
	static const char *const signs[] = {
		[COMPARE_EQ] = "=", [COMPARE_GE] = ">=", [COMPARE_LE] = "<=", [COMPARE_LT] = "<"};
	size_t n = 0;
	for (size_t i = 0; i < ARM_VALUES && info->columns[i].name; i++) {
		const char *name = info->columns[i].name;
		buf_printf(sql, "%s", i ? " AND " : "");
		n++;
		if (info->columns[i].compare == COMPARE_PART) {
			buf_printf(sql, "(position(a.a%zu IN t.%s) > 0 OR length(t.%s) >= a.a%zu)", n, name, name,
				   n + 1);
			n++;
			continue;
		}
		buf_printf(sql, "t.%s %s a.a%zu%s", name, signs[info->columns[i].compare], n, narrowed(name));
	}
}

static void make(struct buf *sql, const struct seek_form_info *info, enum arm_use use)
{
	static const char *const heads[] = {
		[ARM_PROBE] = "SELECT a.n, x.c FROM ",
		[ARM_COLLECT] = "SELECT x.vid FROM ",
		[ARM_ASCENDING] = "SELECT a.n, x.vid, v.rid, v.type, v.time, v.terms FROM ",
		[ARM_DESCENDING] = "SELECT a.n, x.vid, v.rid, v.type, v.time, v.terms FROM ",
	};
	size_t n = 0;
	buf_init(sql, 8192);
	buf_printf(sql, "%s", heads[use]);
	add_arrays(sql, info, &n);
	buf_printf(sql, " CROSS JOIN LATERAL (%s FROM %s t WHERE ",
		   use == ARM_PROBE ? "SELECT count(*) AS c FROM (SELECT 1" : "SELECT t.vid", info->table);
	add_columns(sql, info);
	if (use == ARM_PROBE) {
		buf_printf(sql, " LIMIT $%zu::bigint) y) x", n + 1);
	} else {
		buf_printf(sql, " AND t.vid > $%zu::bigint AND t.vid <= $%zu::bigint", n + 1, n + 2);
		if (info->ordered)
			buf_printf(sql, " ORDER BY t.vid%s", use == ARM_DESCENDING ? " DESC" : "");
		buf_printf(sql, " LIMIT $%zu::bigint) x", n + 3);
		if (use != ARM_COLLECT)
			buf_printf(sql,
				   " LEFT JOIN version v ON v.vid = x.vid AND v.op <> 2 AND "
				   "(v.died = 0 OR v.died > $%zu::bigint)",
				   n + 4);
	}
	buf_char(sql, '\0');
}

static void make_all(void)
{
	bool ok = true;
	for (int form = 0; form < FORM_COUNT; form++)
		for (int use = 0; use < ARM_USES; use++) {
			make(&texts[form][use], &seek_forms[form], (enum arm_use)use);
			ok = ok && buf_ok(&texts[form][use]);
		}
	made = ok;
}

const char *pg_arm_sql(enum seek_form form, enum arm_use use, struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_all);
	if (made)
		return texts[form][use].p;
	error_memory(err);
	return NULL;
}
