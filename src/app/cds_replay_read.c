/* Lines of `firth cds replay` as cases. Whatever form a line has, the case holds a request that could be sent. */
#include "app/cds_replay_priv.h"
#include "fhir/resource.h"

enum { TEXT_MAX = 128 << 20 };

/* Requests as they are logged: bare, or below a name. */
static const struct json *request_of(const struct json *line)
{
	static const char *const names[] = {"request", "body"};
	if (json_get(line, S("hook")))
		return line;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (json_get(json_get(line, str_from(names[i])), S("hook")))
			return json_get(line, str_from(names[i]));
	return NULL;
}

static const struct json *answer_of(const struct json *line)
{
	const struct json *answer = json_get(line, S("answer"));
	return answer ? answer : json_get(line, S("response"));
}

/* {"feedback":[...]}, also as the body of a logged request, or as a member of an exchange. */
static const struct json *feedback_of(const struct json *line)
{
	const struct json *feedback = json_get(line, S("feedback"));
	if (!feedback)
		feedback = json_get(json_get(line, S("body")), S("feedback"));
	if (json_is(feedback, JSON_OBJECT))
		feedback = json_get(feedback, S("feedback"));
	return json_is(feedback, JSON_ARRAY) ? feedback : NULL;
}

/* ---- requests made of orders and records ------------------------------------------------------------------------- */

struct making {
	struct json_writer *w;
	bool bundle; /* orders are the drafts among the entries */
	bool orders; /* orders are wanted, otherwise records */
	struct str patient;
	size_t written;
};

static bool is_draft(const struct json *resource)
{
	return str_is(json_get_str(resource, S("resourceType")), "MedicationRequest") &&
	       str_is(json_get_str(resource, S("status")), "draft");
}

static void put_resource(struct making *m, const struct json *resource)
{
	struct str type = json_get_str(resource, S("resourceType"));
	if (str_is(type, "Patient") && !m->patient.p)
		m->patient = json_get_str(resource, S("id"));
	if (!type.n || (m->bundle && is_draft(resource) != m->orders))
		return;
	json_object_begin(m->w);
	json_key(m->w, S("resource"));
	json_put_value(m->w, resource);
	json_object_end(m->w);
	m->written++;
}

/* A resource, a Bundle, or a list of them. */
static void put_resources(struct making *m, const struct json *value)
{
	struct json_iter it = json_iter(value);
	const struct json *resource;
	if (!json_is(value, JSON_ARRAY)) {
		struct hook_resources all = hook_resources(value);
		while (value && (resource = hook_resources_next(&all)))
			put_resource(m, resource);
		return;
	}
	while (json_next(&it))
		put_resource(m, it.value);
}

static void put_members(struct making *m, const struct json *line)
{
	struct json_iter it = json_iter(line);
	json_object_begin(m->w);
	json_put_member(m->w, S("resourceType"), S("Bundle"));
	json_put_member(m->w, S("type"), S("collection"));
	json_key(m->w, S("entry"));
	json_array_begin(m->w);
	if (m->bundle) {
		put_resources(m, line);
	} else {
		while (json_next(&it)) {
			bool orders = str_is(it.key, "orders") || str_is(it.key, "order");
			if (orders == m->orders && !str_is(it.key, "answer") && !str_is(it.key, "response"))
				put_resources(m, it.value);
		}
	}
	json_array_end(m->w);
	json_object_end(m->w);
}

static struct str patient_of(const struct json *line, struct str found)
{
	const struct json *orders = json_get(line, S("orders")), *first = json_at(orders, 0);
	struct str patient = json_get_str(line, S("patient"));
	if (!patient.n)
		patient = found;
	if (!patient.n)
		patient = json_get_str(json_get(first, S("subject")), S("reference"));
	size_t slash = str_rfind_char(patient, '/');
	return slash == STR_NONE ? patient : str_slice(patient, slash + 1, patient.n);
}

/* The subject of the first draft of a Bundle. */
static struct str draft_subject(const struct json *bundle)
{
	struct hook_resources all = hook_resources(bundle);
	const struct json *resource;
	while ((resource = hook_resources_next(&all)))
		if (is_draft(resource))
			return json_get_str(json_get(resource, S("subject")), S("reference"));
	return STR_NULL;
}

static const struct json *make_request(struct arena *a, const struct json *line, struct error *err)
{
	struct buf orders, records, out;
	bool bundle = str_is(json_get_str(line, S("resourceType")), "Bundle");
	buf_init(&orders, TEXT_MAX);
	buf_init(&records, TEXT_MAX);
	buf_init(&out, (size_t)2 * TEXT_MAX);
	struct json_writer wo = json_writer(&orders), wr = json_writer(&records), w = json_writer(&out);
	struct making o = {.w = &wo, .bundle = bundle, .orders = true}, r = {.w = &wr, .bundle = bundle};
	put_members(&o, line);
	put_members(&r, line);
	struct str patient = patient_of(line, o.patient.p ? o.patient : r.patient.p ? r.patient : draft_subject(line));
	json_object_begin(&w);
	json_put_member(&w, S("hookInstance"), S("00000000-0000-4000-8000-000000000000"));
	json_put_member(&w, S("hook"), S("order-sign"));
	json_key(&w, S("context"));
	json_object_begin(&w);
	json_put_member(&w, S("userId"), S("Practitioner/replay"));
	json_put_member(&w, S("patientId"), patient.n ? patient : S("unknown"));
	json_put_raw((json_key(&w, S("draftOrders")), &w), buf_str(&orders));
	json_object_end(&w);
	json_key(&w, S("prefetch"));
	json_object_begin(&w);
	json_put_raw((json_key(&w, S("records")), &w), buf_str(&records));
	json_object_end(&w);
	json_object_end(&w);
	struct str text = buf_ok(&out) && buf_ok(&orders) && buf_ok(&records) ? arena_str(a, buf_str(&out)) : STR_NULL;
	bool none = !o.written;
	buf_done(&orders);
	buf_done(&records);
	buf_done(&out);
	if (none) {
		error_set(err, ERR_VALUE, "it is no request of a hook, has no orders, and is no feedback");
		return NULL;
	}
	if (!text.p) {
		error_memory(err);
		return NULL;
	}
	return json_parse(a, text, 0, err);
}

/* ---- cases ------------------------------------------------------------------------------------------------------- */

static bool read_prefetch(struct arena *a, const struct json *prefetch, struct hook_prefetch *ret, struct error *err)
{
	struct hook_prefetch_value *items = ARENA_ARRAY(a, struct hook_prefetch_value, json_size(prefetch) + 1);
	struct json_iter it = json_iter(prefetch);
	size_t n = 0;
	if (!items)
		return error_memory(err);
	while (json_next(&it))
		items[n++] = (struct hook_prefetch_value){it.key, json_is(it.value, JSON_OBJECT) ? it.value : NULL};
	*ret = (struct hook_prefetch){items, n};
	return true;
}

/* When it was: as the line says, or when the newest order was written, or now. Laboratory values and stopped drugs
 * count by it. */
static int64_t time_of(const struct json *line, const struct hook_request *r, int64_t now_ms)
{
	static const char *const names[] = {"time", "timestamp", "at"};
	int64_t low, high, newest = INT64_MIN;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct str text = json_get_str(line, str_from(names[i]));
		if (text.n && date_range(text, &low, &high))
			return low;
	}
	struct hook_resources all = hook_resources(r->orders);
	const struct json *resource;
	while (r->orders && (resource = hook_resources_next(&all))) {
		struct str text = json_get_str(resource, S("authoredOn"));
		if (text.n && date_range(text, &low, &high) && low > newest)
			newest = low;
	}
	return newest == INT64_MIN ? now_ms : newest;
}

bool replay_read(struct arena *a, const struct json *line, int64_t now_ms, struct replay_case *ret, struct error *err)
{
	struct replay_case c = {.document = request_of(line),
				.answer = answer_of(line),
				.feedback = feedback_of(line),
				.now_ms = now_ms};
	if (!json_is(line, JSON_OBJECT))
		return error_set(err, ERR_VALUE, "it is no JSON object");
	bool made = !c.document && !c.feedback && !c.answer;
	if (made)
		c.document = make_request(a, line, err);
	if (made && !c.document)
		return false;
	if (c.document) {
		if (!hook_request_of(a, c.document, &c.request, err) ||
		    !read_prefetch(a, c.request.prefetch, &c.prefetch, err))
			return false;
		c.now_ms = time_of(line, &c.request, now_ms);
	}
	*ret = c;
	return true;
}
