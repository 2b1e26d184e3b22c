/*
 * Observation/$stats (http://hl7.org/fhir/R4/observation-operation-stats.html): count, average, extremes, percentiles
 * and spread of the values of a patient's observations, in exact decimals. The measures are in moments.c.
 *
 * Values are taken from valueQuantity, or from the component that has the code. Values in other units of the same kind
 * are converted to the unit of the newest; what cannot be converted, or has no number, is counted in total-count only.
 */
#include "base/clock.h"
#include "server/rest/operations/moments.h"
#include "server/rest/operations/results.h"
#include "units/units.h"

enum { MAX_VALUES = 20000, MAX_CODES = 50 };

const struct operation_param operation_stats_params[] = {{"subject", IN_TEXT, false, NULL},
							 {"code", IN_TEXT, true, NULL},
							 {"system", IN_TEXT, false, NULL},
							 {"coding", IN_CODING, true, NULL},
							 {"start", IN_TIME, false, NULL},
							 {"end", IN_TIME, false, NULL},
							 {"duration", IN_TEXT, false, NULL},
							 {"statistic", IN_TEXT, true, NULL},
							 {"include", IN_FLAG, false, NULL},
							 {"limit", IN_COUNT, false, NULL},
							 {0}};

struct wanted {
	struct str system, code;
};
struct series {
	struct operation_call *op;
	struct wanted code;
	struct decimal *values;
	size_t count, capacity, total;
	struct str unit, unit_system, unit_code, display;
	struct results sources;
};

static struct str period_query(struct operation_call *op, struct str query)
{
	struct str start = operation_text(op, "start"), end = operation_text(op, "end"),
		   hours = operation_text(op, "duration");
	struct buf text;
	double n, low, high;
	buf_init(&text, (size_t)1 << 16);
	buf_add(&text, query);
	if (hours.p && decimal_range(hours, &n, &low, &high)) {
		char since[CLOCK_INSTANT_SIZE];
		clock_format_instant(clock_now_ms() - (int64_t)(n * 3600000.0), since);
		results_put_param(&text, "date", arena_printf(op->arena, "ge%.*s", CLOCK_INSTANT_SIZE, since));
	}
	if (start.p)
		results_put_param(&text, "date", arena_printf(op->arena, "ge%.*s", STR_ARG(start)));
	if (end.p)
		results_put_param(&text, "date", arena_printf(op->arena, "le%.*s", STR_ARG(end)));
	struct str result = buf_ok(&text) ? arena_str(op->arena, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return result;
}

static struct str query_of(struct operation_call *op, const struct wanted *w)
{
	struct buf text;
	struct str token =
		w->system.n ? arena_printf(op->arena, "%.*s|%.*s", STR_ARG(w->system), STR_ARG(w->code)) : w->code;
	buf_init(&text, (size_t)1 << 16);
	results_put_param(&text, "subject", operation_text(op, "subject"));
	results_put_param(&text, "combo-code", token);
	results_put_param(&text, "status:not", S("entered-in-error,cancelled"));
	results_put_param(&text, "_sort", S("-date"));
	results_put_param(&text, "_count", S("1000"));
	struct str query = buf_ok(&text) ? arena_str(op->arena, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	return query.p ? period_query(op, query) : STR_NULL;
}

static bool has_code(const struct json *concept, const struct wanted *w, struct str *display)
{
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	while (json_next(&it)) {
		if (!str_eq(json_get_str(it.value, S("code")), w->code) ||
		    (w->system.n && !str_eq(json_get_str(it.value, S("system")), w->system)))
			continue;
		if (!display->p)
			*display = json_get_str(it.value, S("display"));
		return true;
	}
	return false;
}

/* The element with code and value: the observation itself or one of its components. */
static const struct json *holder_of(const struct json *observation, const struct wanted *w, struct str *display)
{
	if (has_code(json_get(observation, S("code")), w, display) && json_get(observation, S("valueQuantity")))
		return observation;
	struct json_iter it = json_iter(json_get(observation, S("component")));
	while (json_next(&it))
		if (has_code(json_get(it.value, S("code")), w, display))
			return it.value;
	return observation;
}

/* The value in the unit of the series, which the first value sets. */
static bool value_in_unit(struct series *s, const struct json *quantity, struct decimal *ret_value)
{
	struct str code = json_get_str(quantity, S("code")), unit = json_get_str(quantity, S("unit"));
	struct str system = json_get_str(quantity, S("system"));
	if (!decimal_parse(json_number(json_get(quantity, S("value"))), ret_value) ||
	    json_get(quantity, S("comparator")))
		return false;
	if (!s->count) {
		s->unit = unit;
		s->unit_system = system;
		s->unit_code = code;
		return true;
	}
	if (str_eq(code, s->unit_code) && (code.p || str_eq(unit, s->unit)))
		return true;
	struct unit from, to;
	return str_is(system, "http://unitsofmeasure.org") && str_eq(system, s->unit_system) &&
	       unit_parse(code, &from, NULL) && unit_parse(s->unit_code, &to, NULL) &&
	       unit_convert(ret_value, &from, &to, UNIT_EXACT, ret_value, NULL);
}

static bool take(struct series *s, const struct store_entry *entry, struct error *err)
{
	const struct json *observation = json_parse(s->op->arena, entry->body, 0, err);
	struct decimal value;
	if (!observation)
		return false;
	const struct json *holder = holder_of(observation, &s->code, &s->display);
	s->total++;
	if (!value_in_unit(s, json_get(holder, S("valueQuantity")), &value))
		return true;
	struct decimal *grown =
		arena_grow(s->op->arena, s->values, s->count, &s->capacity, s->count + 1, sizeof(*grown));
	if (!grown)
		return error_memory(err);
	s->values = grown;
	grown[s->count++] = value;
	return !operation_flag(s->op, "include", false) || results_add(s->op, &s->sources, entry, err);
}

static bool collect(struct series *s, struct error *err)
{
	struct str query = query_of(s->op, &s->code), position = STR_NULL;
	int64_t limit = operation_number(s->op, "limit", 0);
	if (!query.p)
		return error_memory(err);
	do {
		struct store_page page = {0};
		if (!operation_search(s->op, s->op->call->type, query, position, &page, err))
			return false;
		for (size_t i = 0; i < page.count; i++)
			if (!take(s, &page.entries[i], err))
				return false;
		position = page.next;
		if (position.p && s->total >= MAX_VALUES)
			return error_set(err, ERR_LIMIT, "$stats looks at no more than %d observations; give a period",
					 MAX_VALUES);
	} while (position.p);
	s->sources.count = limit && (size_t)limit < s->sources.count ? (size_t)limit : s->sources.count;
	return true;
}

/* ---- the answer -----------------------------------------------------------------------------------------------------
 */

static void put_coding(struct json_writer *w, struct str system, struct str code, struct str display)
{
	json_put_raw(w, S("{\"coding\":["));
	struct json_writer inner = json_writer(w->out);
	json_object_begin(&inner);
	json_put_member(&inner, S("system"), system);
	json_put_member(&inner, S("code"), code);
	json_put_member(&inner, S("display"), display);
	json_object_end(&inner);
	buf_add(w->out, S("]}"));
}

static void put_quantity(struct json_writer *w, const struct series *s, const struct measure *m,
			 const struct decimal *value)
{
	json_object_begin(w);
	json_key(w, S("value"));
	json_put_raw(w, S(""));
	decimal_write(w->out, value);
	if (m->unit == MEASURE_OF_VALUES) {
		json_put_member(w, S("unit"), s->unit);
		json_put_member(w, S("system"), s->unit_system);
		json_put_member(w, S("code"), s->unit_code);
	} else if (m->unit == MEASURE_COUNT) {
		json_put_member(w, S("unit"), S("1"));
		json_put_member(w, S("system"), S("http://unitsofmeasure.org"));
		json_put_member(w, S("code"), S("1"));
	}
	json_object_end(w);
}

static bool put_component(struct json_writer *w, struct series *s, const struct measure *m, struct error *err)
{
	struct decimal value;
	bool known = false;
	if (!measure_take(m, s->values, s->count, s->total, &value, &known))
		return error_set(err, ERR_LIMIT, "The values are too large to compute %s exactly", m->code);
	if (!known)
		return true;
	json_object_begin(w);
	json_key(w, S("code"));
	put_coding(w, S("http://terminology.hl7.org/CodeSystem/observation-statistics"), str_from(m->code), STR_NULL);
	json_key(w, S("valueQuantity"));
	put_quantity(w, s, m, &value);
	json_object_end(w);
	return true;
}

static bool put_statistics(struct json_writer *w, struct series *s, struct error *err)
{
	struct operation_call *op = s->op;
	const struct operation_input *input;
	size_t at = 0;
	json_object_begin(w);
	json_put_member(w, S("name"), S("statistics"));
	json_key(w, S("resource"));
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("Observation"));
	json_put_member(w, S("status"), S("final"));
	json_key(w, S("code"));
	put_coding(w, s->code.system, s->code.code, s->display);
	json_key(w, S("subject"));
	json_object_begin(w);
	json_put_member(w, S("reference"), operation_text(op, "subject"));
	json_object_end(w);
	json_key(w, S("component"));
	json_array_begin(w);
	while ((input = operation_next(op, "statistic", &at)))
		if (!put_component(w, s, measure_find(input->text), err))
			return false;
	json_array_end(w);
	json_object_end(w);
	json_object_end(w);
	return true;
}

static void put_sources(struct json_writer *w, const struct results *r)
{
	for (size_t i = 0; i < r->count; i++) {
		json_object_begin(w);
		json_put_member(w, S("name"), S("source"));
		json_key(w, S("resource"));
		json_put_raw(w, r->entries[i].body);
		json_object_end(w);
	}
}

/* ---- the operation --------------------------------------------------------------------------------------------------
 */

static bool read_codes(struct operation_call *op, struct wanted *codes, size_t *count, struct error *err)
{
	const struct operation_input *input;
	size_t at = 0;
	*count = 0;
	while ((input = operation_next(op, "code", &at)) && *count < MAX_CODES)
		codes[(*count)++] = (struct wanted){operation_text(op, "system"), input->text};
	at = 0;
	while ((input = operation_next(op, "coding", &at)) && *count < MAX_CODES)
		codes[(*count)++] =
			(struct wanted){json_get_str(input->value, S("system")), json_get_str(input->value, S("code"))};
	for (size_t i = 0; i < *count; i++)
		if (!codes[i].code.n)
			return error_set(err, ERR_REQUIRED, "coding has no code");
	return *count || error_set(err, ERR_REQUIRED, "$stats needs code or coding");
}

static bool check(struct operation_call *op, struct error *err)
{
	const struct operation_input *input;
	size_t at = 0;
	struct str hours = operation_text(op, "duration");
	double n, low, high;
	if (!operation_require(op, "subject", err) || !operation_require(op, "statistic", err))
		return false;
	if (hours.p && (!decimal_range(hours, &n, &low, &high) || n < 0 || n > 1e6))
		return error_set(err, ERR_VALUE, "duration must be a number of hours");
	while ((input = operation_next(op, "statistic", &at)))
		if (!measure_find(input->text))
			return error_set(err, ERR_NOT_SUPPORTED, "The statistic %.*s is not supported; known are %.*s",
					 STR_ARG(str_slice(input->text, 0, 40)), STR_ARG(measure_list(op->arena)));
	return true;
}

bool operation_stats(struct operation_call *op, struct rest_answer *answer, struct error *err)
{
	struct wanted codes[MAX_CODES];
	size_t count;
	if (!check(op, err) || !read_codes(op, codes, &count, err))
		return false;
	struct json_writer w = json_writer(&answer->body);
	operation_begin_parameters(&w);
	for (size_t i = 0; i < count; i++) {
		struct series s = {.op = op, .code = codes[i], .sources = {.max = MAX_VALUES}};
		if (!collect(&s, err) || !put_statistics(&w, &s, err))
			return false;
		put_sources(&w, &s.sources);
	}
	operation_end_parameters(&w);
	if (str_starts(operation_text(op, "subject"), S("Patient/")))
		op->patient = operation_text(op, "subject");
	return true;
}
