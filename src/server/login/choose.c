/*
 * What the pages of choosing share: lists of the record within what the person may see, in pages whose positions only
 * this server can have given out.
 */
#include "server/login/login_priv.h"

#include "jose/jose.h"

enum { POSITION_MAX = 4096, TIMEOUT_MS = 5000 };

/* What the site's policy lets the user see, as if an app of the user's own asked. */
bool choose_search(struct turn *t, struct search_query *query, struct str scope, struct str position,
		   struct store_page *ret_page, struct error *err)
{
	const struct login_options *o = &t->l->options;
	const struct login_user *user = &t->session.facts;
	const struct store_search_options how = {.position = position, .timeout_ms = TIMEOUT_MS};
	struct scope all;
	/* A patient's account may choose whom its operator wrote down: the rights of staff do not count. */
	if (!o->access || patient_is_account(user))
		return store_search(o->store, t->a, query, &how, ret_page, err);
	if (!scope_parse(o->definitions, scope, &all))
		return error_set(err, ERR_INTERNAL, "A scope cannot be read");
	const struct grant grant = {.client_id = t->asked.client.client_id,
				    .user = user->name,
				    .fhir_user = user->fhir_user,
				    .roles = user->roles,
				    .scope_text = all.text,
				    .scopes = &all,
				    .scope_count = 1};
	struct access_pass *pass = access_enter(o->access, &grant, false, err);
	if (!pass)
		return false;
	query->access = access_search(pass);
	bool ok = store_search(o->store, t->a, query, &how, ret_page, err);
	query->access = NULL;
	access_leave(pass);
	return ok;
}

/* A position goes out with a MAC of this conversation, so that only what was given out comes back. */
static struct str position_mac(struct turn *t, struct str position)
{
	unsigned char mac[32];
	struct buf out;
	digest_hmac_sha256(t->c.secret, position, mac);
	buf_init(&out, 128);
	encode_base64url(&out, str_make((const char *)mac, sizeof(mac)));
	struct str text = buf_ok(&out) ? arena_str(t->a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return text;
}

bool choose_position(struct turn *t, struct str word, struct str *ret_position, struct error *err)
{
	struct buf bytes;
	struct str rest = word, text = str_split(&rest, '.');
	*ret_position = STR_NULL;
	if (!word.n)
		return true;
	buf_init(&bytes, POSITION_MAX);
	bool ok = rest.p && decode_base64url(&bytes, text);
	struct str position = ok ? arena_str(t->a, buf_str(&bytes)) : STR_NULL;
	buf_done(&bytes);
	if (!position.p || !vault_equal(position_mac(t, position), rest))
		return error_set(err, ERR_CURSOR, "This page of the list is over. Search again");
	*ret_position = position;
	return true;
}

void choose_put_cell(struct buf *out, const char *label, struct str text)
{
	buf_printf(out, "<span class=\"fact\"><span class=\"label\">%s</span> ", label);
	page_text(out, text.n ? text : S("not recorded"));
	buf_add(out, S("</span>\n"));
}

static void put_hidden(struct buf *out, struct form_field field)
{
	buf_printf(out, "<input type=\"hidden\" name=\"%.*s\" value=\"", STR_ARG(field.name));
	page_text(out, field.value);
	buf_add(out, S("\">\n"));
}

void choose_put_pages(struct turn *t, struct buf *out, const char *page, const struct form_field *kept, size_t count,
		      struct str at, struct str next)
{
	struct buf word;
	if (!next.p && !at.n)
		return;
	page_form(t, out, page, "pages");
	for (size_t i = 0; i < count; i++)
		put_hidden(out, kept[i]);
	if (at.n)
		buf_add(out, S("<button type=\"submit\" class=\"plain\" name=\"at\" value=\"\">First page</button>\n"));
	if (next.p) {
		buf_init(&word, 2 * POSITION_MAX);
		encode_base64url(&word, next);
		buf_add(out, S("<button type=\"submit\" class=\"plain\" name=\"at\" value=\""));
		page_text(out, buf_str(&word));
		buf_char(out, '.');
		page_text(out, position_mac(t, next));
		buf_add(out, S("\">Next page</button>\n"));
		buf_done(&word);
	}
	buf_add(out, S("</form>\n"));
}

/* The pages of this step are for whoever signed in for this conversation. */
bool choose_ready(struct turn *t)
{
	if (!turn_conversation(t))
		return false;
	if (turn_signed_in(t) && t->c.user.p && t->c.parameters.p)
		return true;
	turn_next(t);
	return false;
}
