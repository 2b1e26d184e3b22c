/* Made-up resources of ten types over a small vocabulary, so that questions find something. */
#include "oracle.h"

const char *const word_families[6] = {"Müller", "MULLER", "Mull", "de la Cruz", "Cruz", "O'Neil"};
const char *const word_systems[3] = {"http://loinc.org", "http://snomed.info/sct", "urn:mrn"};
const char *const word_codes[6] = {"a", "b", "A", "c,d", "x|y", "z$w"};
const char *const word_dates[16] = {"2020",
				    "2020-02",
				    "2020-02-29",
				    "2020-03",
				    "2020-03-14",
				    "2020-03-14T10:00:00Z",
				    "2020-03-14T12:00:00+02:00",
				    "2020-03-14T10:00:00.500Z",
				    "2021-12-31",
				    "2022",
				    "2022-01-01T00:00:00Z",
				    "2023-06",
				    "2024-05-05",
				    "2019-12-31T23:59:59Z",
				    "2020-03-14T23:59:59.999Z",
				    "2020-03-14T00:00:00.000Z"};
const char *const word_numbers[10] = {"5.4", "5.40", "5400", "0.0054", "5", "100", "0.25", "-3", "4.5", "5.5"};
const char *const word_units[6] = {"mg", "g", "ug", "kg", "mm[Hg]", "no such unit"};
const char *const word_urls[6] = {"http://x/a",	 "http://x/a/b",   "http://x/a/b/c",
				  "http://x/ab", "http://y/a/b/c", "urn:oid:1.2.3"};
const char *const word_types[10] = {"Patient",	   "Practitioner", "Organization", "Location", "Encounter",
				    "Observation", "Condition",	   "List",	   "ValueSet", "RiskAssessment"};
const char *const word_texts[5] = {"Severe headache", "Head injury", "mild Fever", "Rückenschmerz", "no pain at night"};

uint32_t dice_roll(struct dice *d, uint32_t sides)
{
	d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(d->seed >> 33) % sides;
}

/* ---- pieces ----------------------------------------------------------------------------------------------------- */

static bool often(struct oracle *o)
{
	return dice_roll(&o->dice, 4) != 0;
}

static void put_coding(struct oracle *o, struct buf *b)
{
	buf_add(b, S("{"));
	if (often(o))
		buf_printf(b, "\"system\":\"%s\",", DICE_PICK(&o->dice, word_systems));
	if (often(o))
		buf_printf(b, "\"display\":\"%s\",", DICE_PICK(&o->dice, word_texts));
	buf_printf(b, "\"code\":\"%s\"}", DICE_PICK(&o->dice, word_codes));
}

static void put_concept(struct oracle *o, struct buf *b)
{
	uint32_t codings = dice_roll(&o->dice, 3);
	buf_add(b, S("{\"coding\":["));
	put_coding(o, b);
	for (uint32_t i = 1; i < codings; i++) {
		buf_char(b, ',');
		put_coding(o, b);
	}
	buf_char(b, ']');
	if (often(o))
		buf_printf(b, ",\"text\":\"%s\"", DICE_PICK(&o->dice, word_texts));
	buf_char(b, '}');
}

static void put_quantity(struct oracle *o, struct buf *b)
{
	static const char *const comparators[] = {"<", "<=", ">=", ">"};
	const char *unit = DICE_PICK(&o->dice, word_units);
	buf_printf(b, "{\"value\":%s", DICE_PICK(&o->dice, word_numbers));
	if (!dice_roll(&o->dice, 6))
		buf_printf(b, ",\"comparator\":\"%s\"", DICE_PICK(&o->dice, comparators));
	if (often(o))
		buf_printf(b, ",\"system\":\"http://unitsofmeasure.org\",\"code\":\"%s\"", unit);
	else if (often(o))
		buf_printf(b, ",\"unit\":\"%s\"", unit);
	buf_char(b, '}');
}

static void put_reference(struct oracle *o, struct buf *b, const char *types)
{
	struct str rest = str_from(types), type = str_split(&rest, ' ');
	while (rest.p && dice_roll(&o->dice, 2))
		type = str_split(&rest, ' ');
	uint32_t id = dice_roll(&o->dice, WORD_IDS);
	switch (dice_roll(&o->dice, 12)) {
	case 0:
		buf_printf(b, "{\"identifier\":{\"system\":\"%s\",\"value\":\"%s\"}}",
			   DICE_PICK(&o->dice, word_systems), DICE_PICK(&o->dice, word_codes));
		return;
	case 1:
		buf_printf(b, "{\"reference\":\"http://far.test/fhir/%.*s/r%u\"}", STR_ARG(type), id);
		return;
	case 2:
		buf_printf(b, "{\"reference\":\"" ORACLE_BASE "/%.*s/r%u\"}", STR_ARG(type), id);
		return;
	case 3:
		buf_printf(b, "{\"reference\":\"%.*s/gone\"}", STR_ARG(type));
		return;
	default:
		buf_printf(b, "{\"reference\":\"%.*s/r%u\"}", STR_ARG(type), id);
	}
}

static void put_period(struct oracle *o, struct buf *b)
{
	uint32_t from = dice_roll(&o->dice, 5);
	static const char *const starts[] = {"2019-12-31T23:59:59Z", "2020-02", "2020-03-14", "2021-12-31", "2022"};
	static const char *const ends[] = {"2022-01-01T00:00:00Z", "2023-06", "2024-05-05"};
	buf_char(b, '{');
	bool start = often(o), end = often(o);
	if (start)
		buf_printf(b, "\"start\":\"%s\"", starts[from]);
	if (end)
		buf_printf(b, "%s\"end\":\"%s\"", start ? "," : "", ends[from < 4 ? dice_roll(&o->dice, 3) : 1]);
	buf_char(b, '}');
}

/* ---- types ------------------------------------------------------------------------------------------------------ */

/* ,"name": in front of a value that is only sometimes there. */
static bool put_key(struct oracle *o, struct buf *b, const char *key)
{
	if (!often(o))
		return false;
	buf_printf(b, ",\"%s\":", key);
	return true;
}

static void put_member(struct oracle *o, struct buf *b, const char *key, const char *types)
{
	if (put_key(o, b, key))
		put_reference(o, b, types);
}

static void put_text_member(struct oracle *o, struct buf *b, const char *key)
{
	if (put_key(o, b, key))
		buf_printf(b, "\"%s\"", DICE_PICK(&o->dice, word_families));
}

static void put_concept_member(struct oracle *o, struct buf *b, const char *key)
{
	if (put_key(o, b, key))
		put_concept(o, b);
}

static void put_names(struct oracle *o, struct buf *b)
{
	if (put_key(o, b, "name"))
		buf_printf(b, "[{\"family\":\"%s\",\"given\":[\"%s\",\"%s\"]},{\"family\":\"%s\"}]",
			   DICE_PICK(&o->dice, word_families), DICE_PICK(&o->dice, word_families),
			   DICE_PICK(&o->dice, word_families), DICE_PICK(&o->dice, word_families));
}

static void put_patient(struct oracle *o, struct buf *b)
{
	static const char *const genders[] = {"male", "female", "other"};
	put_names(o, b);
	if (put_key(o, b, "gender"))
		buf_printf(b, "\"%s\"", DICE_PICK(&o->dice, genders));
	if (put_key(o, b, "active"))
		buf_add(b, dice_roll(&o->dice, 2) ? S("true") : S("false"));
	if (put_key(o, b, "birthDate"))
		buf_printf(b, "\"%s\"", word_dates[dice_roll(&o->dice, 5)]);
	if (put_key(o, b, "identifier"))
		buf_printf(b,
			   "[{\"type\":{\"coding\":[{\"system\":\"%s\",\"code\":\"%s\"}],\"text\":\"%s\"},\"system\":"
			   "\"urn:mrn\",\"value\":\"%s\"},{\"value\":\"%s\"}]",
			   DICE_PICK(&o->dice, word_systems), DICE_PICK(&o->dice, word_codes),
			   DICE_PICK(&o->dice, word_texts), DICE_PICK(&o->dice, word_codes),
			   DICE_PICK(&o->dice, word_codes));
	put_member(o, b, "managingOrganization", "Organization");
	if (put_key(o, b, "generalPractitioner")) {
		buf_char(b, '[');
		put_reference(o, b, "Practitioner Organization");
		buf_char(b, ',');
		put_reference(o, b, "Practitioner Organization");
		buf_char(b, ']');
	}
}

static void put_observation(struct oracle *o, struct buf *b)
{
	static const char *const statuses[] = {"final", "preliminary", "amended"};
	buf_printf(b, ",\"status\":\"%s\",\"code\":", DICE_PICK(&o->dice, statuses));
	put_concept(o, b);
	put_member(o, b, "subject", "Patient Location");
	put_member(o, b, "encounter", "Encounter");
	if (put_key(o, b, "performer")) {
		buf_char(b, '[');
		put_reference(o, b, "Practitioner Organization Patient");
		buf_char(b, ']');
	}
	if (dice_roll(&o->dice, 2))
		buf_printf(b, ",\"effectiveDateTime\":\"%s\"", DICE_PICK(&o->dice, word_dates));
	else {
		buf_add(b, S(",\"effectivePeriod\":"));
		put_period(o, b);
	}
	if (put_key(o, b, "valueQuantity"))
		put_quantity(o, b);
	else if (put_key(o, b, "valueString"))
		buf_printf(b, "\"%s\"", DICE_PICK(&o->dice, word_families));
	uint32_t components = dice_roll(&o->dice, 4);
	for (uint32_t i = 0; i < components; i++) {
		buf_add(b, i ? S(",{\"code\":") : S(",\"component\":[{\"code\":"));
		put_concept(o, b);
		if (put_key(o, b, "valueQuantity"))
			put_quantity(o, b);
		buf_char(b, '}');
	}
	if (components)
		buf_char(b, ']');
}

static void put_condition(struct oracle *o, struct buf *b)
{
	put_concept_member(o, b, "code");
	buf_add(b, S(",\"subject\":"));
	put_reference(o, b, "Patient");
	put_member(o, b, "encounter", "Encounter");
	if (!dice_roll(&o->dice, 3)) {
		uint32_t low = dice_roll(&o->dice, 5);
		buf_printf(b, ",\"onsetRange\":{\"low\":{\"value\":%u},\"high\":{\"value\":%u}}", low,
			   low + dice_roll(&o->dice, 3));
	} else if (dice_roll(&o->dice, 2))
		buf_printf(b, ",\"onsetDateTime\":\"%s\"", DICE_PICK(&o->dice, word_dates));
}

static void put_encounter(struct oracle *o, struct buf *b)
{
	static const char *const statuses[] = {"planned", "finished"};
	buf_printf(b, ",\"status\":\"%s\",\"class\":", DICE_PICK(&o->dice, statuses));
	put_coding(o, b);
	put_member(o, b, "subject", "Patient");
	put_member(o, b, "serviceProvider", "Organization");
	put_member(o, b, "partOf", "Encounter");
	if (put_key(o, b, "period"))
		put_period(o, b);
}

static void put_place(struct oracle *o, struct buf *b)
{
	static const char *const places[][2] = {
		{"52.52", "13.405"}, {"52.39", "13.06"}, {"48.137", "11.575"}, {"-33.9", "179.9"}};
	put_text_member(o, b, "name");
	put_member(o, b, "managingOrganization", "Organization");
	put_member(o, b, "partOf", "Location");
	if (put_key(o, b, "position")) {
		uint32_t at = dice_roll(&o->dice, 4);
		buf_printf(b, "{\"latitude\":%s,\"longitude\":%s}", places[at][0], places[at][1]);
	}
}

static void put_list(struct oracle *o, struct buf *b)
{
	uint32_t entries = dice_roll(&o->dice, 5);
	buf_add(b, S(",\"status\":\"current\",\"mode\":\"changes\""));
	put_concept_member(o, b, "code");
	put_member(o, b, "subject", "Patient");
	for (uint32_t i = 0; i < entries; i++) {
		buf_add(b, i ? S(",{\"item\":") : S(",\"entry\":[{\"item\":"));
		put_reference(o, b, "Patient Observation Condition");
		buf_add(b, dice_roll(&o->dice, 4) ? S("}") : S(",\"deleted\":true}"));
	}
	if (entries)
		buf_char(b, ']');
}

static void put_content(struct oracle *o, struct buf *b, struct str type)
{
	if (str_is(type, "Patient"))
		put_patient(o, b);
	else if (str_is(type, "Practitioner"))
		put_names(o, b);
	else if (str_is(type, "Organization")) {
		put_text_member(o, b, "name");
		put_member(o, b, "partOf", "Organization");
	} else if (str_is(type, "Location"))
		put_place(o, b);
	else if (str_is(type, "Encounter"))
		put_encounter(o, b);
	else if (str_is(type, "Observation"))
		put_observation(o, b);
	else if (str_is(type, "Condition"))
		put_condition(o, b);
	else if (str_is(type, "List"))
		put_list(o, b);
	else if (str_is(type, "ValueSet")) {
		buf_printf(b, ",\"status\":\"draft\"");
		if (put_key(o, b, "url"))
			buf_printf(b, "\"%s\"", DICE_PICK(&o->dice, word_urls));
		put_text_member(o, b, "name");
	} else {
		static const char *const parts[] = {"0.25", "0.5", "0.250", "0.75"};
		buf_add(b, S(",\"status\":\"final\",\"subject\":"));
		put_reference(o, b, "Patient");
		if (put_key(o, b, "prediction"))
			buf_printf(
				b,
				"[{\"probabilityDecimal\":%s},{\"probabilityRange\":{\"low\":{\"value\":0.1},\"high\":{"
				"\"value\":0.3}}}]",
				DICE_PICK(&o->dice, parts));
	}
}

struct str world_resource(struct oracle *o, const char *type, const char *id)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	buf_printf(&b, "{\"resourceType\":\"%s\",\"id\":\"%s\"", type, id);
	if (put_key(o, &b, "meta")) {
		buf_printf(&b, "{\"profile\":[\"%s\"],\"tag\":[", DICE_PICK(&o->dice, word_urls));
		put_coding(o, &b);
		buf_add(&b, S("]}"));
	}
	if (put_key(o, &b, "text"))
		buf_printf(&b,
			   "{\"status\":\"generated\",\"div\":\"<div "
			   "xmlns=\\\"http://www.w3.org/1999/xhtml\\\">%s<br/>%s</div>\"}",
			   DICE_PICK(&o->dice, word_texts), DICE_PICK(&o->dice, word_families));
	put_content(o, &b, str_from(type));
	buf_char(&b, '}');
	struct str text = arena_str(o->arena, buf_str(&b));
	buf_done(&b);
	return text;
}
