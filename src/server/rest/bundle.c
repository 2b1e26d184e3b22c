/* Bundles that answer: resources are copied into the answer as they are stored (http://hl7.org/fhir/R4/bundle.html). */
#include "base/random.h"
#include "server/rest/rest_priv.h"

void bundle_begin(struct rest_bundle *b, struct rest_call *call, struct buf *out, const char *type, int64_t total)
{
	char id[UUID_SIZE];
	random_uuid_ordered(id);
	*b = (struct rest_bundle){.call = call, .w = json_writer(out)};
	json_object_begin(&b->w);
	json_put_member(&b->w, S("resourceType"), S("Bundle"));
	json_put_member(&b->w, S("id"), str_make(id, sizeof(id)));
	json_put_member(&b->w, S("type"), str_from(type));
	if (total >= 0) {
		json_key(&b->w, S("total"));
		json_put_i64(&b->w, total);
	}
}

void bundle_links(struct rest_bundle *b, const struct bundle_link *links, size_t count)
{
	json_key(&b->w, S("link"));
	json_array_begin(&b->w);
	for (size_t i = 0; i < count; i++) {
		if (!links[i].url.p)
			continue;
		json_object_begin(&b->w);
		json_put_member(&b->w, S("relation"), str_from(links[i].relation));
		json_put_member(&b->w, S("url"), links[i].url);
		json_object_end(&b->w);
	}
	json_array_end(&b->w);
}

void bundle_open_plain(struct rest_bundle *b)
{
	/* An array without entries would be invalid FHIR, so it is opened by the first. */
	if (!b->entries) {
		json_key(&b->w, S("entry"));
		json_array_begin(&b->w);
		b->entries = true;
	}
	json_object_begin(&b->w);
}

bool bundle_open_entry(struct rest_bundle *b, const struct store_entry *entry, struct error *err)
{
	struct buf *out = b->w.out;
	bundle_open_plain(b);
	json_key(&b->w, S("fullUrl"));
	/* Base URL, type and id need no escapes in JSON: the base was checked when the server opened. */
	json_put_raw(&b->w, S("\""));
	buf_add(out, b->call->server->o.base_url);
	buf_char(out, '/');
	buf_add(out, entry->type->name);
	buf_char(out, '/');
	buf_add(out, entry->id);
	buf_char(out, '"');
	if (!entry->body.p)
		return true;
	json_key(&b->w, S("resource"));
	json_put_raw(&b->w, S(""));
	return answer_resource(b->call, entry, out, err);
}

void bundle_close_entry(struct rest_bundle *b)
{
	json_object_end(&b->w);
}

void bundle_end(struct rest_bundle *b)
{
	if (b->entries)
		json_array_end(&b->w);
	json_object_end(&b->w);
}
