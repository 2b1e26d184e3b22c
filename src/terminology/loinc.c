/*
 * LOINC: the main table, and when they are there the parts, their links, the answer lists and the hierarchy of
 * components. Properties have the names that FHIR gives them (http://hl7.org/fhir/R4/loinc.html); those that name parts
 * have the part's name and its code as values, so that filters may use either.
 */
#include "terminology/release_priv.h"

/* Columns of the main table that become properties. */
static const char *const columns[] = {"COMPONENT",
				      "PROPERTY",
				      "TIME_ASPCT",
				      "SYSTEM",
				      "SCALE_TYP",
				      "METHOD_TYP",
				      "CLASS",
				      "CLASSTYPE",
				      "STATUS",
				      "ORDER_OBS",
				      "UNITSREQUIRED",
				      "PanelType",
				      "EXAMPLE_UCUM_UNITS",
				      "VersionFirstReleased",
				      "VersionLastChanged",
				      "EXTERNAL_COPYRIGHT_NOTICE"};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static void add_name(struct release *r, uint32_t id, const char *use, struct str name)
{
	struct designation d = {.use_system = S(LOINC_URL), .use_code = str_from(use), .value = name};
	if (name.n)
		image_add_designation(r->maker, id, &d);
}

static void read_status(struct release *r, uint32_t id, struct str status)
{
	if (str_eq_nocase(status, S("DEPRECATED")))
		image_add_flags(r->maker, id, CONCEPT_DEPRECATED | CONCEPT_INACTIVE);
	else if (str_eq_nocase(status, S("DISCOURAGED")) || str_eq_nocase(status, S("INACTIVE")))
		image_add_flags(r->maker, id, CONCEPT_DEPRECATED);
}

static bool read_main(struct release *r, struct table *t)
{
	size_t number = table_column(t, "LOINC_NUM"), name = table_column(t, "LONG_COMMON_NAME");
	size_t brief = table_column(t, "SHORTNAME"), consumer = table_column(t, "CONSUMER_NAME");
	size_t shown = table_column(t, "DisplayName"), status = table_column(t, "STATUS");
	size_t definition = table_column(t, "DefinitionDescription"), at[COLUMNS];
	uint32_t properties[COLUMNS];
	if (name == TABLE_NO_COLUMN)
		return error_set(r->err, ERR_STRUCTURE, "the table of LOINC terms has no column LONG_COMMON_NAME");
	for (size_t i = 0; i < COLUMNS; i++) {
		at[i] = table_column(t, columns[i]);
		properties[i] = image_define(r->maker, str_from(columns[i]), STR_NULL, IMAGE_STRING);
	}
	while (table_next(t)) {
		bool fresh = false;
		struct str code = table_field(t, number);
		uint32_t id = code.n ? image_add(r->maker, code, &fresh) : IMAGE_NONE;
		if (id == IMAGE_NONE || !fresh)
			continue;
		struct str display = table_field(t, name);
		image_add_display(r->maker, id, display.n ? display : table_field(t, brief));
		if (table_field(t, definition).n)
			image_add_definition_text(r->maker, id, table_field(t, definition));
		add_name(r, id, "SHORTNAME", table_field(t, brief));
		add_name(r, id, "CONSUMER_NAME", table_field(t, consumer));
		add_name(r, id, "DisplayName", table_field(t, shown));
		read_status(r, id, table_field(t, status));
		for (size_t i = 0; i < COLUMNS; i++)
			release_property(r, id, properties[i], table_field(t, at[i]));
	}
	return true;
}

static void read_parts(struct release *r, struct table *t)
{
	size_t number = table_column(t, "PartNumber"), name = table_column(t, "PartName");
	size_t shown = table_column(t, "PartDisplayName"), status = table_column(t, "Status");
	while (table_next(t)) {
		bool fresh = false;
		uint32_t id = image_add(r->maker, table_field(t, number), &fresh);
		if (!fresh)
			continue;
		image_add_display(r->maker, id, table_field(t, name));
		add_name(r, id, "PartDisplayName", table_field(t, shown));
		read_status(r, id, table_field(t, status));
	}
}

/* Which part a term has on which axis: ".../property/COMPONENT". */
static void read_part_links(struct release *r, struct table *t)
{
	size_t number = table_column(t, "LoincNumber"), part = table_column(t, "PartNumber");
	size_t property = table_column(t, "Property");
	while (table_next(t)) {
		struct str axis = table_field(t, property);
		size_t slash = str_rfind_char(axis, '/');
		axis = str_slice(axis, slash == STR_NONE ? 0 : slash + 1, axis.n);
		uint32_t id = image_added(r->maker, table_field(t, number));
		if (id != IMAGE_NONE && axis.n)
			release_property(r, id, image_define(r->maker, axis, STR_NULL, IMAGE_STRING),
					 table_field(t, part));
	}
}

static void read_answers(struct release *r, struct table *t)
{
	size_t list = table_column(t, "AnswerListId"), list_name = table_column(t, "AnswerListName");
	size_t answer = table_column(t, "AnswerStringId"), text = table_column(t, "DisplayText");
	uint32_t member = image_define(r->maker, S("LIST"), STR_NULL, IMAGE_CODE);
	while (table_next(t)) {
		bool fresh = false;
		uint32_t id = image_add(r->maker, table_field(t, list), &fresh);
		if (fresh) {
			image_add_display(r->maker, id, table_field(t, list_name));
			image_add_flags(r->maker, id, CONCEPT_ABSTRACT);
		}
		if (!table_field(t, answer).n)
			continue;
		id = image_add(r->maker, table_field(t, answer), &fresh);
		if (fresh)
			image_add_display(r->maker, id, table_field(t, text));
		release_property(r, id, member, table_field(t, list));
	}
}

static void read_answer_links(struct release *r, struct table *t)
{
	size_t number = table_column(t, "LoincNumber"), list = table_column(t, "AnswerListId");
	uint32_t property = image_define(r->maker, S("answer-list"), STR_NULL, IMAGE_CODE);
	while (table_next(t)) {
		uint32_t id = image_added(r->maker, table_field(t, number));
		if (id != IMAGE_NONE)
			release_property(r, id, property, table_field(t, list));
	}
}

static void read_hierarchy(struct release *r, struct table *t)
{
	size_t code = table_column(t, "CODE"), parent = table_column(t, "IMMEDIATE_PARENT");
	size_t text = table_column(t, "CODE_TEXT");
	while (table_next(t)) {
		bool fresh = false;
		uint32_t id = image_add(r->maker, table_field(t, code), &fresh);
		if (fresh)
			image_add_display(r->maker, id, table_field(t, text));
		if (!table_field(t, parent).n)
			continue;
		uint32_t above = image_add(r->maker, table_field(t, parent), &fresh);
		image_add_parent(r->maker, id, above);
	}
}

enum loinc_table {
	TABLE_OTHER,
	TABLE_MAIN,
	TABLE_CORE,
	TABLE_PARTS,
	TABLE_ANSWERS,
	TABLE_HIERARCHY,
	TABLE_LINKS,
	TABLE_ANSWER_LINKS
};

static bool has(const struct table *t, const char *column)
{
	return table_column(t, column) != TABLE_NO_COLUMN;
}

static enum loinc_table kind_of(const struct table *t)
{
	/* Tables of translations and copyrights name terms too, but tell nothing of their axes. */
	if (has(t, "LOINC_NUM") && has(t, "COMPONENT") && has(t, "SCALE_TYP") && has(t, "STATUS"))
		return has(t, "RELATEDNAMES2") || has(t, "CONSUMER_NAME") ? TABLE_MAIN : TABLE_CORE;
	if (has(t, "IMMEDIATE_PARENT") && has(t, "CODE"))
		return TABLE_HIERARCHY;
	if (has(t, "LoincNumber") && has(t, "PartNumber") && has(t, "Property"))
		return TABLE_LINKS;
	if (has(t, "AnswerListId") && has(t, "AnswerStringId") && !has(t, "LoincNumber"))
		return TABLE_ANSWERS;
	if (has(t, "LoincNumber") && has(t, "AnswerListId") && has(t, "AnswerListLinkType"))
		return TABLE_ANSWER_LINKS;
	return has(t, "PartNumber") && has(t, "PartTypeName") && has(t, "PartName") && has(t, "Status") ? TABLE_PARTS
													: TABLE_OTHER;
}

bool loinc_read(struct release *r)
{
	bool met = false;
	/* Terms first, then what refers to them. A full release has the core table too: codes come once. */
	for (enum loinc_table pass = TABLE_MAIN; pass <= TABLE_ANSWER_LINKS; pass++)
		for (size_t i = 0; i < r->count; i++) {
			struct table t;
			if (!table_open(&t, r->arena, r->files[i].text) || kind_of(&t) != pass)
				continue;
			r->files[i].used = true;
			met |= pass == TABLE_MAIN || pass == TABLE_CORE;
			if (pass <= TABLE_CORE && !read_main(r, &t))
				return error_context(r->err, "%.*s", STR_ARG(r->files[i].name));
			if (pass == TABLE_PARTS)
				read_parts(r, &t);
			else if (pass == TABLE_ANSWERS)
				read_answers(r, &t);
			else if (pass == TABLE_HIERARCHY)
				read_hierarchy(r, &t);
			else if (pass == TABLE_LINKS)
				read_part_links(r, &t);
			else if (pass == TABLE_ANSWER_LINKS)
				read_answer_links(r, &t);
		}
	return met || error_set(r->err, ERR_STRUCTURE,
				"none of the files is a table of LOINC terms (Loinc.csv or LoincTableCore.csv)");
}
