/*
 * Observation/$lastn (http://hl7.org/fhir/R4/observation-operation-lastn.html): the newest observations of each code
 * of each patient. Codes are the same when they share a coding, or, without any, when their text is the same. Those as
 * old as the last one that fits are given too, since nothing says which of them is newer.
 */
#include "server/rest/operations/results.h"

enum { MAX_SCANNED = 20000, MAX_RESULTS = 10000, MAX_PER_CODE = 1000 };

const struct operation_param operation_lastn_params[] = {
	{"max", IN_COUNT, false, NULL},	    {"patient", IN_TEXT, true, NULL},
	{"subject", IN_TEXT, true, NULL},   {"category", IN_TEXT, true, NULL},
	{"code", IN_TEXT, true, NULL},	    {"date", IN_TEXT, true, NULL},
	{"status", IN_TEXT, true, NULL},    {"encounter", IN_TEXT, true, NULL},
	{"performer", IN_TEXT, true, NULL}, {0}};

struct group { /* of one patient and one code */
	struct str subject, text;
	const struct json *code;
	size_t count;
	int64_t last_low; /* the time of the last one taken */
	struct group *next;
};
struct lastn {
	struct operation_call *op;
	struct group *groups, *last;
	size_t max;
	struct results results;
};

static struct str query_of(struct operation_call *op)
{
	struct buf text;
	buf_init(&text, (size_t)1 << 20);
	for (size_t i = 0; i < op->input_count; i++)
		if (strcmp(op->inputs[i].param->name, "max") != 0)
			results_put_param(&text, op->inputs[i].param->name, op->inputs[i].text);
	results_put_param(&text, "_sort", S("-date"));
	results_put_param(&text, "_count", S("1000"));
	struct str query = buf_ok(&text) ? arena_str(op->arena, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return query;
}

static bool shares_coding(const struct json *a, const struct json *b)
{
	struct json_iter x = json_iter(json_get(a, S("coding")));
	while (json_next(&x)) {
		struct json_iter y = json_iter(json_get(b, S("coding")));
		struct str code = json_get_str(x.value, S("code"));
		while (code.n && json_next(&y))
			if (str_eq(code, json_get_str(y.value, S("code"))) &&
			    str_eq(json_get_str(x.value, S("system")), json_get_str(y.value, S("system"))))
				return true;
	}
	return false;
}

static struct group *group_of(struct lastn *l, const struct json *observation)
{
	const struct json *code = json_get(observation, S("code"));
	struct str subject = json_get_str(json_get(observation, S("subject")), S("reference"));
	struct str text = json_size(json_get(code, S("coding"))) ? STR_NULL : json_get_str(code, S("text"));
	for (struct group *g = l->groups; g; g = g->next)
		if (str_eq(g->subject, subject) &&
		    (text.p ? g->text.p && str_eq(g->text, text) : shares_coding(g->code, code)))
			return g;
	struct group *g = ARENA_NEW(l->op->arena, struct group);
	if (!g)
		return NULL;
	*g = (struct group){.subject = subject, .text = text, .code = code};
	if (l->last)
		l->last->next = g;
	else
		l->groups = g;
	l->last = g;
	return g;
}

/* When it was: the start of effective[x]; INT64_MIN when it does not say. */
static int64_t time_of(const struct json *observation)
{
	int64_t low, high;
	static const char *const names[] = {"effectiveDateTime", "effectiveInstant"};
	struct str text = STR_NULL;
	for (size_t i = 0; i < 2 && !text.p; i++)
		text = json_get_str(observation, str_from(names[i]));
	if (!text.p)
		text = json_get_str(json_get(observation, S("effectivePeriod")), S("start"));
	return text.p && date_range(text, &low, &high) ? low : INT64_MIN;
}

static bool take(struct lastn *l, const struct store_entry *entry, struct error *err)
{
	const struct json *observation = json_parse(l->op->arena, entry->body, 0, err);
	struct group *g = observation ? group_of(l, observation) : NULL;
	if (!g)
		return observation ? error_memory(err) : false;
	int64_t time = time_of(observation);
	if (g->count >= l->max && (time == INT64_MIN || time != g->last_low))
		return true;
	g->count++;
	g->last_low = time;
	return results_add(l->op, &l->results, entry, err);
}

static bool scan(struct lastn *l, struct str query, struct error *err)
{
	struct str position = STR_NULL;
	size_t scanned = 0;
	do {
		struct store_page page = {0};
		if (!operation_search(l->op, l->op->call->type, query, position, &page, err))
			return false;
		for (size_t i = 0; i < page.count; i++)
			if (!take(l, &page.entries[i], err))
				return false;
		scanned += page.count;
		position = page.next;
		if (position.p && scanned >= MAX_SCANNED)
			return error_set(err, ERR_LIMIT,
					 "$lastn would look at more than %d observations; ask for one patient, a "
					 "category or a code",
					 MAX_SCANNED);
	} while (position.p);
	return true;
}

bool operation_lastn(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	struct lastn l = {.op = op, .max = (size_t)operation_number(op, "max", 1), .results = {.max = MAX_RESULTS}};
	struct str query = query_of(op), self = results_self(op);
	if (!query.p || !self.p)
		return error_memory(err);
	if (l.max < 1 || l.max > MAX_PER_CODE)
		return error_set(err, ERR_VALUE, "max must be from 1 to %d", MAX_PER_CODE);
	if (!scan(&l, query, err))
		return false;
	const struct results_page page = {.self = self, .total = (int64_t)l.results.count};
	return results_write(op, &l.results, &page, &answer->body, err);
}
