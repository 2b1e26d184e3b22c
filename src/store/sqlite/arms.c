/*
 * The SQL of the ways into the index tables. Each form has four statements per connection: a counting one, one for each
 * direction, and one that tells of a single vid. All of them run to their end or are reset before the next look-up
 * starts, so one of each is enough.
 */
#include "store/sqlite/sqlite_priv.h"

static void add_columns(struct buf *sql, const struct seek_form_info *form)
{
	for (size_t i = 0; i < ARM_VALUES && form->columns[i].name; i++) {
		const char *name = form->columns[i].name;
		buf_printf(sql, "%s", i ? " AND " : "");
		switch (form->columns[i].compare) {
		case COMPARE_EQ:
			buf_printf(sql, "%s = ?", name);
			break;
		case COMPARE_GE:
			buf_printf(sql, "%s >= ?", name);
			break;
		case COMPARE_LE:
			buf_printf(sql, "%s <= ?", name);
			break;
		case COMPARE_LT:
			buf_printf(sql, "%s < ?", name);
			break;
		case COMPARE_PART:
			buf_printf(sql, "(instr(%s, ?) > 0 OR length(%s) >= ?)", name, name);
			break;
		}
	}
}

void arm_sql(struct buf *sql, enum seek_form form, enum arm_use use)
{
	const struct seek_form_info *info = &seek_forms[form];
	buf_printf(sql,
		   use == ARM_PROBE ? "SELECT count(*) FROM (SELECT 1 FROM %s WHERE " : "SELECT vid FROM %s WHERE ",
		   info->table);
	add_columns(sql, info);
	if (use == ARM_PROBE || use == ARM_HAS) {
		buf_printf(sql, use == ARM_PROBE ? " LIMIT ?)" : " AND vid = ?");
		return;
	}
	buf_printf(sql, " AND vid > ? AND vid <= ?");
	if (info->ordered)
		buf_printf(sql, " ORDER BY vid%s LIMIT ?", use == ARM_DESCENDING ? " DESC" : "");
}

/* The statement of an arm with its values bound; *ret_at is the next parameter. */
sqlite3_stmt *arm_use(struct reader *r, const struct seek_arm *arm, enum arm_use use, int *ret_at, struct error *err)
{
	sqlite3_stmt **slot = &r->arms[arm->form][use];
	if (!*slot) {
		struct buf sql;
		buf_init(&sql, 4096);
		arm_sql(&sql, arm->form, use);
		int rc = !buf_ok(&sql) ? SQLITE_NOMEM
				       : sqlite3_prepare_v3(r->db.handle, sql.p, (int)sql.n, SQLITE_PREPARE_PERSISTENT,
							    slot, NULL);
		buf_done(&sql);
		if (rc != SQLITE_OK) {
			db_failed(&r->db, rc, err);
			return NULL;
		}
	}
	sqlite3_reset(*slot);
	for (size_t i = 0; i < arm->count; i++) {
		const struct seek_value *v = &arm->values[i];
		if (v->kind == VALUE_INT)
			sqlite3_bind_int64(*slot, (int)i + 1, v->integer);
		else if (v->kind == VALUE_REAL)
			sqlite3_bind_double(*slot, (int)i + 1, v->real);
		else
			bind_blob(*slot, (int)i + 1, v->bytes);
	}
	*ret_at = (int)arm->count + 1;
	return *slot;
}
