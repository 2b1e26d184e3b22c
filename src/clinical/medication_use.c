/*
 * How a drug is taken: route, dose, and whether it still is. MedicationRequest and MedicationStatement of R4, and what
 * STU3 and DSTU2 wrote in their place (dose beside doseAndRate, "taken", "wasNotTaken", dateEnded of MedicationOrder).
 */
#include "clinical/medication_priv.h"

#include <stdlib.h>

#include "base/clock.h"

#define DAY_MS INT64_C(86400000)

/* ---- route and dose ------------------------------------------------------------------------------------------------
 */

/* Routes by SNOMED CT and by HL7 v3 RouteOfAdministration; those that are not listed leave the form to tell. */
static const struct {
	const char *code;
	enum drug_route route;
} route_codes[] = {
	{"26643006", ROUTE_ORAL},
	{"47625008", ROUTE_INJECTION},
	{"78421000", ROUTE_INJECTION},
	{"34206005", ROUTE_INJECTION},
	{"6064005", ROUTE_TOPICAL},
	{"54485002", ROUTE_OPHTHALMIC},
	{"10547007", ROUTE_OTIC},
	{"46713006", ROUTE_NASAL},
	{"37161004", ROUTE_RECTAL},
	{"16857009", ROUTE_VAGINAL},
	{"45890007", ROUTE_TRANSDERMAL},
	{"37839007", ROUTE_ORAL},
	{"PO", ROUTE_ORAL},
	{"SL", ROUTE_ORAL},
	{"IV", ROUTE_INJECTION},
	{"IVINJ", ROUTE_INJECTION},
	{"IVPUSH", ROUTE_INJECTION},
	{"IM", ROUTE_INJECTION},
	{"SQ", ROUTE_INJECTION},
	{"TOPICAL", ROUTE_TOPICAL},
	{"SKIN", ROUTE_TOPICAL},
	{"TRNSDERM", ROUTE_TRANSDERMAL},
	{"NASINHL", ROUTE_NASAL},
	{"IPINHL", ROUTE_INHALED},
	{"ORINHL", ROUTE_INHALED},
	{"VAGINS", ROUTE_VAGINAL},
	{"PR", ROUTE_RECTAL},
	{"SWISHSPIT", ROUTE_ORAL_LOCAL},
};

/* "By mouth" of a lozenge or mouthwash, and "on the skin" of a patch, say less than the form. */
static bool form_says_more(const struct medication *m, enum drug_route route)
{
	return m->route == ROUTE_ORAL_LOCAL || (m->route == ROUTE_TRANSDERMAL && route == ROUTE_TOPICAL);
}

static void read_route(const struct json *dosage, struct medication *m)
{
	const struct json *route = json_get(dosage, S("route"));
	struct json_iter it = json_iter(json_get(route, S("coding")));
	while (json_next(&it)) {
		struct str code = json_get_str(it.value, S("code")), system = json_get_str(it.value, S("system"));
		if (!str_is(system, "http://snomed.info/sct") && !str_ends(system, S("v3-RouteOfAdministration")) &&
		    !str_ends(system, S("v3/RouteOfAdministration")))
			continue;
		for (size_t i = 0; i < sizeof(route_codes) / sizeof(route_codes[0]); i++)
			if (str_is(code, route_codes[i].code) && !form_says_more(m, route_codes[i].route))
				m->route = route_codes[i].route;
	}
	if (m->route == ROUTE_UNKNOWN)
		m->route = medication_route_of_words(json_get_str(route, S("text")));
}

static double number(const struct json *j, double otherwise)
{
	struct str n = json_number(j);
	char text[40];
	if (!n.n || n.n >= sizeof(text))
		return otherwise;
	memcpy(text, n.p, n.n);
	text[n.n] = 0;
	return strtod(text, NULL);
}

/* Times a day by Timing.repeat; 0 when it does not say. */
static double per_day(const struct json *dosage)
{
	const struct json *repeat = json_get(json_get(dosage, S("timing")), S("repeat"));
	double frequency = number(json_get(repeat, S("frequency")), 1),
	       period = number(json_get(repeat, S("period")), 0);
	struct str unit = json_get_str(repeat, S("periodUnit"));
	double days = str_is(unit, "d")	   ? 1
		      : str_is(unit, "h")  ? 1.0 / 24
		      : str_is(unit, "wk") ? 7
		      : str_is(unit, "mo") ? 30
					   : 0;
	return period > 0 && days > 0 ? frequency / (period * days) : 0;
}

static void read_dose(const struct json *dosage, double strength, struct medication *m)
{
	const struct json *first = json_at(json_get(dosage, S("doseAndRate")), 0);
	const struct json *dose = json_get(first, S("doseQuantity"));
	const struct json *high = json_get(json_get(first, S("doseRange")), S("high"));
	if (!dose)
		dose = high;
	if (!first) {
		dose = json_get(dosage, S("doseQuantity"));
		if (!dose)
			dose = json_get(json_get(dosage, S("doseRange")), S("high"));
	}
	double amount = number(json_get(dose, S("value")), -1), times = per_day(dosage);
	struct str unit = json_get_str(dose, S("code"));
	if (!unit.n)
		unit = json_get_str(dose, S("unit"));
	double mg = -1;
	if (str_eq_nocase(unit, S("mg")))
		mg = amount;
	else if (str_eq_nocase(unit, S("ug")) || str_eq_nocase(unit, S("mcg")))
		mg = amount / 1000;
	else if (str_eq_nocase(unit, S("g")))
		mg = amount * 1000;
	else if (strength > 0 && amount > 0)
		mg = amount * strength; /* tablets, capsules */
	if (mg > 0 && times > 0 && m->mg_day < 0) {
		m->mg_day = mg * times;
		m->mg_week = m->mg_day * 7;
	} else if (mg > 0 && times > 0) {
		m->mg_day += mg * times;
		m->mg_week += mg * times * 7;
	}
}

void medication_read_dosage(const struct json *record, double strength, struct medication *m)
{
	const struct json *dosages = json_get(record, S("dosageInstruction"));
	m->mg_day = m->mg_week = -1;
	if (!dosages)
		dosages = json_get(record, S("dosage"));
	if (json_is(dosages, JSON_OBJECT)) { /* of an administration */
		read_route(dosages, m);
		return;
	}
	struct json_iter it = json_iter(dosages);
	while (json_next(&it)) {
		read_route(it.value, m);
		if (m->count == 1)
			read_dose(it.value, strength, m);
	}
}

/* ---- state ---------------------------------------------------------------------------------------------------------
 */

static bool read_day(struct str text, int64_t *ret_ms)
{
	uint64_t y = 0, mo = 1, d = 1;
	if (text.n < 4 || !str_to_u64(str_slice(text, 0, 4), &y) || y < 1)
		return false;
	if (text.n >= 7 && !str_to_u64(str_slice(text, 5, 7), &mo))
		return false;
	if (text.n >= 10 && !str_to_u64(str_slice(text, 8, 10), &d))
		return false;
	if (mo < 1 || mo > 12 || d < 1 || d > 31)
		return false;
	*ret_ms = clock_days_from_date((int)y, (int)mo, (int)d) * INT64_C(86400000);
	return true;
}

static bool is_listed(struct str status, const char *const *list)
{
	for (; *list; list++)
		if (str_is(status, *list))
			return true;
	return false;
}

/* It never was, whatever the status: by doNotPerform, "taken" of STU3, wasNotTaken and wasNotGiven of DSTU2. */
static bool is_not_taken(const struct json *record)
{
	struct str taken = json_get_str(record, S("taken"));
	return json_bool(json_get(record, S("doNotPerform"))) || json_bool(json_get(record, S("wasNotTaken"))) ||
	       json_bool(json_get(record, S("wasNotGiven"))) || json_bool(json_get(record, S("notGiven"))) ||
	       str_is(taken, "n") || str_is(taken, "na");
}

static struct str period_end(const struct json *parent, struct str key)
{
	return json_get_str(json_get(parent, key), S("end"));
}

/* The last day of all its dosages, when every one of them has a last day. */
static bool dosages_end(const struct json *record, int64_t *ret_ms)
{
	const struct json *dosages = json_get(record, S("dosageInstruction"));
	struct json_iter it = json_iter(dosages ? dosages : json_get(record, S("dosage")));
	int64_t last = INT64_MIN, ms;
	while (json_next(&it)) {
		const struct json *repeat = json_get(json_get(it.value, S("timing")), S("repeat"));
		if (!read_day(period_end(repeat, S("boundsPeriod")), &ms))
			return false;
		last = ms > last ? ms : last;
	}
	*ret_ms = last;
	return last != INT64_MIN;
}

/* When it ended, as far as the record says. A request of R4 does not: then it was after it was written, and that is
 * the day to count from, lest a drug that was stopped yesterday pass for one that nobody knows of. */
static void read_stop(const struct json *record, struct medication *m)
{
	struct str end = period_end(record, S("effectivePeriod"));
	if (!end.n)
		end = period_end(json_get(record, S("dispenseRequest")), S("validityPeriod"));
	if (!end.n)
		end = json_get_str(record, S("dateEnded"));
	if (!end.n && m->state == MEDICATION_STOPPED)
		end = json_get_str(record, S("effectiveDateTime"));
	m->has_stop = read_day(end, &m->stopped_ms) || dosages_end(record, &m->stopped_ms);
	if (m->has_stop || m->state != MEDICATION_STOPPED)
		return;
	end = json_get_str(record, S("authoredOn"));
	if (!end.n)
		end = json_get_str(record, S("dateWritten"));
	m->has_stop = m->stopped_since = read_day(end, &m->stopped_ms);
}

/* Of what was handed out or given, "completed" tells of the act, not of the drug: what was handed out lasts for its
 * days of supply (90 where they are not told), what was given counts on that day and the next. */
static void read_act(const struct json *record, int64_t now_ms, bool dispensed, struct medication *m)
{
	enum { SUPPLY_DAYS = 90, SUPPLY_MAX = 1000 };
	struct str when = json_get_str(record, dispensed ? S("whenHandedOver") : S("effectiveDateTime"));
	double days = dispensed ? number(json_get(json_get(record, S("daysSupply")), S("value")), SUPPLY_DAYS) : 0;
	if (!when.n)
		when = dispensed ? json_get_str(record, S("whenPrepared")) : period_end(record, S("effectivePeriod"));
	m->state = MEDICATION_TAKEN;
	m->has_stop = m->stopped_since = false;
	if (!read_day(when, &m->stopped_ms))
		return;
	m->has_stop = true;
	m->stopped_ms += (int64_t)(days > 0 && days < SUPPLY_MAX ? days : 0) * DAY_MS;
	if (m->stopped_ms + 2 * DAY_MS <= now_ms)
		m->state = MEDICATION_STOPPED;
}

void medication_read_state(const struct json *record, int64_t now_ms, struct medication *m)
{
	static const char *const voids[] = {"entered-in-error", "not-taken", "not-done", "declined", "cancelled", NULL};
	static const char *const stops[] = {"stopped", "completed", "ended", NULL};
	struct str status = json_get_str(record, S("status")), type = json_get_str(record, S("resourceType"));
	int64_t end;
	m->state = is_listed(status, voids) || is_not_taken(record) ? MEDICATION_VOID
		   : is_listed(status, stops)			    ? MEDICATION_STOPPED
								    : MEDICATION_TAKEN;
	read_stop(record, m);
	bool dispensed = str_is(type, "MedicationDispense");
	if (str_is(status, "completed") && (dispensed || str_is(type, "MedicationAdministration"))) {
		read_act(record, now_ms, dispensed, m);
		return;
	}
	bool ended = dosages_end(record, &end) ||
		     (str_is(type, "MedicationStatement") && read_day(period_end(record, S("effectivePeriod")), &end));
	if (ended && end + DAY_MS < now_ms && m->state == MEDICATION_TAKEN)
		m->state = MEDICATION_STOPPED;
}
