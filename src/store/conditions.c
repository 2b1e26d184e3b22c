/*
 * What every backend decides the same way: whether a change may be made to a resource in the state it is in, when two
 * stored forms count as one, and where a page of a history goes on.
 */
#include "jose/jose.h"
#include "store/store_priv.h"

static bool wrong_version(const struct store_change *c, const struct current *now, struct error *err)
{
	struct str type = c->type->name;
	if (now->present)
		return error_set(err, ERR_PRECONDITION, "If-Match names version %lld, but the current version is %lld",
				 (long long)c->if_match, (long long)now->version);
	if (now->version)
		return error_set(err, ERR_PRECONDITION,
				 "If-Match names version %lld, but this %.*s was deleted in version %lld",
				 (long long)c->if_match, STR_ARG(type), (long long)now->version);
	return error_set(err, ERR_PRECONDITION,
			 "If-Match names version %lld, but there is no current version of this %.*s",
			 (long long)c->if_match, STR_ARG(type));
}

bool change_allowed(struct store_change *c, const struct current *now, struct error *err)
{
	c->version = now->version;
	c->created = !now->present;
	c->unchanged = false;
	switch (c->op) {
	case STORE_CREATE:
		if (now->present)
			return error_set(err, ERR_CONFLICT,
					 "A %.*s with this id exists already; its current version is %lld",
					 STR_ARG(c->type->name), (long long)now->version);
		return true;
	case STORE_UPDATE:
		if (c->must_exist && !now->present)
			return error_set(err, ERR_NOT_FOUND, "There is no such %.*s", STR_ARG(c->type->name));
		break;
	case STORE_DELETE:
		c->created = false;
		break;
	}
	if (!c->if_match || (now->present && c->if_match == now->version))
		return true;
	return wrong_version(c, now, err);
}

void stored_hash(struct str stored, unsigned char ret_hash[STORED_HASH])
{
	unsigned char whole[32];
	digest_sha256(stored, whole);
	memcpy(ret_hash, whole, STORED_HASH);
}

static struct str history_position_write(struct arena *a, const struct history_position *p)
{
	return arena_printf(a, "%lld-%lld", (long long)p->snapshot, (long long)p->vid);
}

bool history_position_read(struct str text, int64_t last_vid, struct history_position *ret_position, struct error *err)
{
	struct history_position p = {0};
	struct str snapshot = str_split(&text, '-');
	if (!text.p || !str_to_i64(snapshot, &p.snapshot) || !str_to_i64(text, &p.vid) || p.vid < 1 ||
	    p.vid > p.snapshot || p.snapshot > last_vid)
		return error_set(err, ERR_CURSOR, "The page link does not belong to this history");
	*ret_position = p;
	return true;
}

bool history_link_next(struct arena *a, struct store_page *page, struct error *err)
{
	if (!page->count)
		return true;
	const struct history_position next = {page->snapshot, page->entries[page->count - 1].vid};
	page->next = history_position_write(a, &next);
	return page->next.p || error_memory(err);
}

bool store_version_absent(struct error *err, const struct fhir_type *type, int64_t version)
{
	if (version)
		return error_set(err, ERR_NOT_FOUND, "There is no version %lld of this %.*s", (long long)version,
				 STR_ARG(type->name));
	return error_set(err, ERR_NOT_FOUND, "There is no such %.*s", STR_ARG(type->name));
}

bool guard_failed(struct error *err)
{
	return error_set(err, ERR_CONFLICT_RETRY, "Something that the condition matches was written meanwhile");
}
