/* Masks of bodies by their media type. What is not understood is not let through. */
#include "fhir/xml.h"
#include "record/record_priv.h"

static bool has(struct str text, const char *part)
{
	return str_find(text, str_from(part)) != STR_NONE;
}

static struct str mask_lines(struct masker *m, struct arena *a, struct str text)
{
	struct buf out;
	buf_init(&out, 8 * text.n + (1 << 20));
	bool ok = true;
	while (ok && text.p) {
		struct str line = str_split(&text, '\n'), masked = str_trim(line).n ? mask_json(m, a, line) : line;
		ok = masked.p != NULL;
		buf_add(&out, masked);
		if (text.p)
			buf_char(&out, '\n');
	}
	struct str result = ok && buf_ok(&out) ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return result;
}

/* By way of the JSON form, which is the one that the masks know. */
static struct str mask_xml(struct masker *m, struct arena *a, struct str text)
{
	struct error ignored = {0};
	struct buf out;
	buf_init(&out, 8 * text.n + (1 << 20));
	const struct json *j = xml_read_resource(a, m->definitions, text, NULL, &ignored);
	struct json_writer w = json_writer(&out);
	if (j)
		json_put_value(&w, j);
	struct str masked = j && buf_ok(&out) ? mask_json(m, a, buf_str(&out)) : STR_NULL;
	j = masked.p ? json_parse(a, masked, 0, &ignored) : NULL;
	buf_reset(&out);
	bool ok = j && xml_write_resource(&out, a, m->definitions, j, &ignored) && buf_ok(&out);
	struct str result = ok ? arena_str(a, buf_str(&out)) : STR_NULL;
	buf_done(&out);
	return result;
}

struct str mask_body(struct masker *m, struct arena *a, struct str url, struct str media_type, struct str body)
{
	struct str type = media_type_of(media_type);
	if (!body.n)
		return S("");
	if (has(type, "ndjson"))
		return mask_lines(m, a, body);
	if (has(type, "json"))
		return mask_json(m, a, body);
	if (has(type, "fhir+xml") || has(type, "xml+fhir") || str_is(type, "application/xml") ||
	    str_is(type, "text/xml"))
		return mask_xml(m, a, body);
	if (str_is(type, "application/x-www-form-urlencoded"))
		return mask_pairs(m, a, url_type(m->definitions, url), body);
	return STR_NULL;
}
