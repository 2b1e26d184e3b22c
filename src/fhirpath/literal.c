/* Literals and the names of types. */
#include "fhirpath/fhirpath_priv.h"

static const char *const kind_names[] = {
	[PATH_ELEMENT] = "Element",   [PATH_BOOLEAN] = "Boolean",    [PATH_STRING] = "String",
	[PATH_INTEGER] = "Integer",   [PATH_LONG] = "Long",	     [PATH_DECIMAL] = "Decimal",
	[PATH_DATE] = "Date",	      [PATH_DATETIME] = "DateTime",  [PATH_TIME] = "Time",
	[PATH_QUANTITY] = "Quantity", [PATH_TYPE_INFO] = "TypeInfo", [PATH_NO_TYPE] = "nothing",
};

struct str kind_name(enum path_kind kind)
{
	return str_from(kind_names[kind]);
}

static bool system_kind(struct str name, enum path_kind *ret_kind)
{
	for (enum path_kind k = PATH_BOOLEAN; k <= PATH_QUANTITY; k++) {
		if (str_is(name, kind_names[k])) {
			*ret_kind = k;
			return true;
		}
	}
	return false;
}

bool type_find(struct parser *p, size_t at, struct str space, struct str name, struct path_type *ret_type)
{
	struct path_type type = {0};
	bool fhir = !str_is(space, "System"), system = !str_is(space, "FHIR");
	if (fhir && p->definitions)
		type.fhir = definitions_type(p->definitions, name);
	/* In another namespace than its own a name is the name of a type that nothing is of; the official suite says so
	 * for System.Patient. */
	if (!(system && system_kind(name, &type.system)) && !type.fhir && str_is(space, "System"))
		type.system = PATH_NO_TYPE;
	if (!type.fhir && !p->definitions && type.system == PATH_ELEMENT && str_is(space, "FHIR"))
		type.system = PATH_NO_TYPE;
	if (!type.fhir && type.system == PATH_ELEMENT)
		return path_error_at(p->lexer.err, p->lexer.text, at, ERR_VALUE, "the type \"%.*s\" is not known",
				     STR_ARG(str_slice(name, 0, 64)));
	*ret_type = type;
	return true;
}

static struct path_node *literal_node(struct parser *p, struct path_item item)
{
	struct path_node *node = parser_node(p, PATH_OP_LITERAL, p->token.at);
	if (node)
		node->literal = item;
	return node && parser_advance(p) ? node : NULL;
}

static const struct path_node *parse_moment(struct parser *p)
{
	struct str text = p->token.text;
	enum path_kind kind = PATH_DATE;
	struct path_item item = {0};
	if (str_starts(text, S("T"))) {
		kind = PATH_TIME;
		text = str_slice(text, 1, text.n);
	} else if (str_find_char(text, 'T', 0) != STR_NONE) {
		kind = PATH_DATETIME;
	}
	item.kind = kind;
	if (!moment_parse(text, kind, &item.moment))
		return PARSE_FAIL(p, p->token.at, ERR_VALUE, "@%.*s is no %s", STR_ARG(str_slice(p->token.text, 0, 40)),
				  kind_names[kind]);
	return literal_node(p, item);
}

static const struct path_node *parse_long(struct parser *p)
{
	struct path_item item = {.kind = PATH_LONG};
	if (!str_to_i64(p->token.text, &item.integer))
		return PARSE_FAIL(p, p->token.at, ERR_VALUE, "the number does not fit into 64 bits");
	return literal_node(p, item);
}

/* 4 days, 10 'mg': the number was read already. */
static const struct path_node *parse_quantity(struct parser *p, struct path_node *node)
{
	bool calendar = p->token.kind == TOKEN_NAME;
	struct path_quantity *q = ARENA_NEW(p->lexer.arena, struct path_quantity);
	if (!q) {
		error_memory(p->lexer.err);
		return NULL;
	}
	*q = (struct path_quantity){.value = item_number(&node->literal), .unit = p->token.text, .calendar = calendar};
	node->literal = (struct path_item){.kind = PATH_QUANTITY, .quantity = q};
	return parser_advance(p) ? node : NULL;
}

static const struct path_node *parse_number(struct parser *p)
{
	struct path_item item = {.kind = PATH_INTEGER};
	struct str text = p->token.text;
	struct decimal *d = ARENA_NEW(p->lexer.arena, struct decimal);
	if (!d) {
		error_memory(p->lexer.err);
		return NULL;
	}
	if (!decimal_parse(text, d))
		return PARSE_FAIL(p, p->token.at, ERR_VALUE, "the number has too many digits");
	/* 2147483648 is allowed for the sake of -2147483648. */
	if (str_find_char(text, '.', 0) != STR_NONE || !decimal_to_i64(d, &item.integer) ||
	    item.integer > (int64_t)INT32_MAX + 1)
		item = (struct path_item){.kind = PATH_DECIMAL, .decimal = d};
	struct path_node *node = literal_node(p, item);
	if (node && (p->token.kind == TOKEN_STRING ||
		     (p->token.kind == TOKEN_NAME && calendar_word(p->token.text) != SPAN_NONE)))
		return parse_quantity(p, node);
	return node;
}

const struct path_node *parse_literal(struct parser *p, bool *ret_is)
{
	struct token t = p->token;
	*ret_is = true;
	switch (t.kind) {
	case TOKEN_STRING:
		return literal_node(p, item_string(t.text));
	case TOKEN_NUMBER:
		return parse_number(p);
	case TOKEN_LONG:
		return parse_long(p);
	case TOKEN_MOMENT:
		return parse_moment(p);
	case TOKEN_NAME:
		if (str_is(t.text, "true") || str_is(t.text, "false"))
			return literal_node(p, item_boolean(str_is(t.text, "true")));
		break;
	default:
		break;
	}
	*ret_is = false;
	return NULL;
}
