/* The bundles of operations; see results.h. */
#include "server/rest/operations/results.h"

#include "base/encode.h"

bool results_add(struct operation_call *op, struct results *r, const struct store_entry *entry, struct error *err)
{
	if (r->max && r->count == r->max)
		return error_set(err, ERR_LIMIT, "$%s finds more than %zu resources", op->operation->name, r->max);
	struct store_entry *grown =
		arena_grow(op->arena, r->entries, r->count, &r->capacity, r->count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	r->entries = grown;
	grown[r->count++] = *entry;
	return true;
}

bool results_allowed(const struct operation_call *op, const struct fhir_type *type)
{
	return call_allowed(op->call, type, SCOPE_R, NULL);
}

void results_put_param(struct buf *out, const char *name, struct str value)
{
	if (!value.p)
		return;
	if (out->n)
		buf_char(out, '&');
	buf_add(out, str_from(name));
	buf_char(out, '=');
	encode_percent(out, value);
}

struct str results_self(struct operation_call *op)
{
	struct buf text;
	buf_init(&text, (size_t)1 << 20);
	for (size_t i = 0; i < op->input_count; i++)
		if (op->inputs[i].text.p && strcmp(op->inputs[i].param->name, "_cursor") != 0)
			results_put_param(&text, op->inputs[i].param->name, op->inputs[i].text);
	struct str self = buf_ok(&text) ? arena_str(op->arena, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return self;
}

static struct str page_url(struct operation_call *op, struct str self, struct str cursor)
{
	struct rest_call *call = op->call;
	struct str base = call->server->o.base_url;
	struct str where = !call->type_name.p ? S("")
			   : call->id.p
				   ? arena_printf(op->arena, "%.*s/%.*s/", STR_ARG(call->type_name), STR_ARG(call->id))
				   : arena_printf(op->arena, "%.*s/", STR_ARG(call->type_name));
	return arena_printf(op->arena, "%.*s/%.*s$%s%s%.*s%s%s%.*s", STR_ARG(base), STR_ARG(where), op->operation->name,
			    self.n || cursor.p ? "?" : "", STR_ARG(self), self.n && cursor.p ? "&" : "",
			    cursor.p ? "_cursor=" : "", STR_ARG(cursor));
}

bool results_write(struct operation_call *op, const struct results *r, const struct results_page *page, struct buf *out,
		   struct error *err)
{
	struct rest_bundle b;
	struct str cursor = rest_cursor_write(op->call, page->self, page->next);
	if (page->next.p && !cursor.p)
		return error_memory(err);
	bundle_begin(&b, op->call, out, "searchset", page->total);
	const struct bundle_link links[] = {{"self", page_url(op, page->self, page->cursor)},
					    {"next", cursor.p ? page_url(op, page->self, cursor) : STR_NULL}};
	bundle_links(&b, links, 2);
	for (size_t i = 0; i < r->count; i++) {
		if (!bundle_open_entry(&b, &r->entries[i], err))
			return false;
		json_key(&b.w, S("search"));
		json_put_raw(&b.w, r->entries[i].included ? S("{\"mode\":\"include\"}") : S("{\"mode\":\"match\"}"));
		bundle_close_entry(&b);
	}
	bundle_end(&b);
	return true;
}
