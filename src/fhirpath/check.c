/*
 * Types before any data: walks the tree with the set of types that each node can give. Members are linked to their
 * elements on the way, which saves the evaluator the search, and in strict mode what can never mean anything is
 * refused. Where a type is not known (resolve(), children(), contained resources, variables) everything is allowed.
 */
#include <stdio.h>

#include "fhirpath/fhirpath_priv.h"

enum { MAX_TYPES = 64, SCRATCH = 128 * 1024 * 1024 };

/* What a node can give: any of the types, or, when open, anything. No types and not open: nothing at all. */
struct known {
	struct path_type types[MAX_TYPES];
	size_t count;
	bool open;
	bool unordered; /* children() and descendants() promise no order */
};

struct checker {
	struct arena *arena; /* of the program */
	struct arena scratch; /* sets of types: the stack would not hold them at full depth */
	struct path_program *program;
	const struct path_options *options;
	const struct known *start;
	struct error *err;
	bool quiet; /* second look at a node: link, but do not complain */
};

static bool check(struct checker *k, const struct path_node *node, const struct known *focus, struct known *ret);

static bool complain(struct checker *k, const struct path_node *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* False in strict mode, with an error. */
static bool complain(struct checker *k, const struct path_node *node, const char *format, ...)
{
	char text[256];
	va_list args;
	if (!k->program->strict || k->quiet)
		return true;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return path_error_at(k->err, k->program->expression, node->at, ERR_VALUE, "%s", text);
}

/* ---- sets of types --------------------------------------------------------------------------------------------- */

static void known_clear(struct known *k)
{
	k->count = 0;
	k->open = false;
	k->unordered = false;
}

static void known_add(struct known *k, struct path_type type)
{
	for (size_t i = 0; i < k->count; i++)
		if (k->types[i].fhir == type.fhir && k->types[i].system == type.system)
			return;
	if (k->count == MAX_TYPES)
		k->open = true;
	else
		k->types[k->count++] = type;
}

static void known_add_fhir(struct known *k, const struct fhir_type *type)
{
	if (type)
		known_add(k, (struct path_type){.fhir = type});
	else
		k->open = true;
}

static void known_add_all(struct known *k, const struct known *other)
{
	for (size_t i = 0; i < other->count; i++)
		known_add(k, other->types[i]);
	k->open |= other->open;
	k->unordered |= other->unordered;
}

static void known_set(struct known *k, enum path_kind kind)
{
	known_clear(k);
	known_add(k, (struct path_type){.system = kind});
}

static void known_open(struct known *k)
{
	known_clear(k);
	k->open = true;
}

/* How values of a type behave in operators and functions: the System kind they convert to, PATH_ELEMENT for none. */
static enum path_kind behaves(struct path_type type)
{
	if (!type.fhir)
		return type.system;
	if (type.system != PATH_ELEMENT)
		return type.system;
	return type_kind(type.fhir);
}

static struct str type_text(struct path_type type)
{
	return type.fhir ? type.fhir->name : kind_name(type.system);
}

/* ---- members --------------------------------------------------------------------------------------------------- */

static bool link_member(struct checker *k, struct path_node *node, const struct fhir_type *owner,
			const struct fhir_element *element)
{
	for (const struct path_member *m = node->member; m; m = m->next)
		if (m->owner == owner)
			return true;
	struct path_member *m = ARENA_NEW(k->arena, struct path_member);
	if (!m)
		return error_memory(k->err);
	*m = (struct path_member){.owner = owner, .element = element, .next = node->member, .like.element = element};
	if (!element->choice) {
		m->property = element->name;
		m->mark = json_name_mark(m->property);
		m->like.type = element->type_count ? element->types[0].type : NULL;
		m->contained =
			m->like.type && m->like.type->kind == TYPE_RESOURCE && str_is(element->name, "contained");
	}
	node->member = m;
	return true;
}

/* The JSON name of a choice for one type: "value" and "Quantity" give "valueQuantity". */
static struct str choice_property(struct arena *a, struct str name, struct str type)
{
	struct str property = arena_printf(a, "%.*s%.*s", STR_ARG(name), STR_ARG(type));
	char *first = (char *)(uintptr_t)property.p + name.n;
	if (property.p && *first >= 'a' && *first <= 'z')
		*first = (char)(*first - 32);
	return property;
}

/* Of a choice that is filtered for a type at once, only that type need be looked for, unless others derive from it. */
static bool narrow_members(struct checker *k, const struct path_node *node, const struct fhir_type *type)
{
	if (node->op != PATH_OP_MEMBER || !type)
		return true;
	for (const struct path_member *m = node->member; m; m = m->next) {
		struct path_member *own = (struct path_member *)(uintptr_t)m;
		size_t matching = 0;
		for (size_t i = 0; i < m->element->type_count; i++)
			matching += path_type_selects(m->element->types[i].type, type);
		bool exact = false;
		for (size_t i = 0; i < m->element->type_count; i++)
			exact |= m->element->types[i].type == type;
		if (!m->element->choice || matching != 1 || !exact)
			continue;
		own->like.type = type;
		own->property = choice_property(k->arena, m->element->name, type->name);
		if (!own->property.p)
			return error_memory(k->err);
		own->mark = json_name_mark(own->property);
	}
	return true;
}

/* A type that says little about its elements, because what is met is of a type derived from it. */
static bool is_general(const struct fhir_type *type)
{
	return type->abstract || str_is(type->name, "Element") || str_is(type->name, "BackboneElement");
}

static bool member_of_type(struct checker *k, struct path_node *node, struct path_type type, struct known *ret)
{
	if (!type.fhir) {
		if (type.system == PATH_QUANTITY && str_is(node->name, "value"))
			known_add(ret, (struct path_type){.system = PATH_DECIMAL});
		else if (type.system == PATH_QUANTITY || type.system == PATH_TYPE_INFO)
			known_add(ret, (struct path_type){.system = PATH_STRING});
		return true;
	}
	const struct fhir_element *element = type_element(type.fhir, node->name);
	const struct fhir_type *json_type = NULL;
	if (element) {
		for (size_t i = 0; i < element->type_count; i++)
			known_add_fhir(ret, element->types[i].type);
		ret->open |= element->type_count == 0;
		return link_member(k, node, type.fhir, element);
	}
	if (is_general(type.fhir))
		ret->open = true;
	else if (!k->program->strict && definitions_element(type.fhir, node->name, &json_type))
		known_add_fhir(ret, json_type);
	else if (!k->program->strict && str_is(node->name, "resourceType"))
		known_add(ret, (struct path_type){.system = PATH_STRING});
	return true;
}

static bool check_member(struct checker *k, const struct path_node *node, const struct known *from, struct known *ret)
{
	struct path_node *own = (struct path_node *)(uintptr_t)node;
	const struct fhir_type *type = NULL;
	known_clear(ret);
	ret->open = from->open;
	ret->unordered = from->unordered;
	for (size_t i = 0; i < from->count; i++)
		if (!member_of_type(k, own, from->types[i], ret))
			return false;
	if (ret->open || ret->count || from->count == 0)
		return true;
	struct str first = type_text(from->types[0]);
	const struct fhir_element *choice =
		from->types[0].fhir ? definitions_element(from->types[0].fhir, node->name, &type) : NULL;
	if (choice && choice->choice && type)
		return complain(k, node, "in %.*s this is %.*s.ofType(%.*s)", STR_ARG(first), STR_ARG(choice->name),
				STR_ARG(type->name));
	return complain(k, node, "%.*s has no element \"%.*s\"", STR_ARG(first), STR_ARG(str_slice(node->name, 0, 64)));
}

/* At the top of an expression that the caller evaluates on nothing. */
static bool has_no_focus(const struct checker *k, const struct known *focus)
{
	return focus == k->start && k->options->focus && !focus->count && !focus->open;
}

/* A capitalised name at the start of a path. */
static bool check_type(struct checker *k, const struct path_node *node, const struct known *focus, struct known *ret)
{
	const struct fhir_type *type = node->type.fhir;
	known_clear(ret);
	if (has_no_focus(k, focus))
		return complain(k, node, "\"%.*s\" has nothing to start from; begin with a variable such as %%name",
				STR_ARG(str_slice(node->name, 0, 64)));
	if (!type) {
		known_open(ret);
		return (!focus->open && focus->count == 0) ||
		       complain(k, node, "there is no type \"%.*s\"", STR_ARG(str_slice(node->name, 0, 64)));
	}
	for (size_t i = 0; i < focus->count; i++) {
		if (path_type_derives(focus->types[i].fhir, type))
			known_add(ret, focus->types[i]);
		else if (focus->types[i].fhir && path_type_derives(type, focus->types[i].fhir))
			known_add_fhir(ret, type);
	}
	if (focus->open)
		known_add_fhir(ret, type);
	if (ret->count || focus->count == 0)
		return true;
	return complain(k, node, "the focus is of type %.*s, not %.*s", STR_ARG(type_text(focus->types[0])),
			STR_ARG(type->name));
}

/* ---- operators ------------------------------------------------------------------------------------------------- */

/* Kinds that compare and calculate with each other. */
static enum path_kind family(enum path_kind kind)
{
	switch (kind) {
	case PATH_INTEGER:
	case PATH_LONG:
	case PATH_DECIMAL:
	case PATH_QUANTITY:
		return PATH_DECIMAL;
	case PATH_DATE:
	case PATH_DATETIME:
		return PATH_DATE;
	default:
		return kind;
	}
}

static bool some_pair(const struct known *a, const struct known *b)
{
	if (a->open || b->open || a->count == 0 || b->count == 0)
		return true;
	for (size_t i = 0; i < a->count; i++)
		for (size_t j = 0; j < b->count; j++) {
			enum path_kind x = family(behaves(a->types[i]));
			if (x != PATH_ELEMENT && x != PATH_BOOLEAN && x == family(behaves(b->types[j])))
				return true;
		}
	return false;
}

static bool some_kind(const struct known *k, enum path_kind kind)
{
	if (k->open || k->count == 0)
		return true;
	for (size_t i = 0; i < k->count; i++)
		if (family(behaves(k->types[i])) == kind)
			return true;
	return false;
}

static bool only_kind(const struct known *k, enum path_kind kind)
{
	for (size_t i = 0; i < k->count; i++)
		if (behaves(k->types[i]) != kind)
			return false;
	return !k->open && k->count;
}

static void calculated(const struct path_node *node, const struct known *left, const struct known *right,
		       struct known *ret)
{
	known_open(ret);
	if (node->op == PATH_OP_CONCATENATE || (only_kind(left, PATH_STRING) && only_kind(right, PATH_STRING)))
		known_set(ret, PATH_STRING);
	else if (only_kind(left, PATH_INTEGER) && only_kind(right, PATH_INTEGER))
		known_set(ret, node->op == PATH_OP_DIVIDE ? PATH_DECIMAL : PATH_INTEGER);
	else if (only_kind(left, PATH_DATE) || only_kind(left, PATH_DATETIME) || only_kind(left, PATH_TIME))
		known_set(ret, behaves(left->types[0]));
}

static bool check_binary(struct checker *k, const struct path_node *node, const struct known *left,
			 const struct known *right, struct known *ret)
{
	switch (node->op) {
	case PATH_OP_UNION:
		*ret = *left;
		known_add_all(ret, right);
		return true;
	case PATH_OP_LESS:
	case PATH_OP_LESS_EQUAL:
	case PATH_OP_GREATER:
	case PATH_OP_GREATER_EQUAL:
		known_set(ret, PATH_BOOLEAN);
		return some_pair(left, right) ||
		       complain(k, node, "%.*s and %.*s cannot be compared", STR_ARG(type_text(left->types[0])),
				STR_ARG(type_text(right->types[0])));
	case PATH_OP_ADD:
	case PATH_OP_SUBTRACT:
	case PATH_OP_CONCATENATE:
	case PATH_OP_MULTIPLY:
	case PATH_OP_DIVIDE:
	case PATH_OP_DIV:
	case PATH_OP_MOD:
		calculated(node, left, right, ret);
		return true;
	default:
		known_set(ret, PATH_BOOLEAN);
		return true;
	}
}

/* ---- calls ----------------------------------------------------------------------------------------------------- */

static bool accepts(enum shape takes, const struct known *input)
{
	switch (takes) {
	case SHAPE_STRING:
		return some_kind(input, PATH_STRING) || some_kind(input, PATH_DATE) || some_kind(input, PATH_TIME);
	case SHAPE_NUMBER:
		return some_kind(input, PATH_DECIMAL);
	default:
		return true;
	}
}

static void gives(const struct path_node *node, const struct known *input, const struct known *first, struct known *ret)
{
	static const enum path_kind kinds[] = {
		[SHAPE_BOOLEAN] = PATH_BOOLEAN,	  [SHAPE_STRING] = PATH_STRING,	  [SHAPE_INTEGER] = PATH_INTEGER,
		[SHAPE_LONG] = PATH_LONG,	  [SHAPE_DECIMAL] = PATH_DECIMAL, [SHAPE_DATE] = PATH_DATE,
		[SHAPE_DATETIME] = PATH_DATETIME, [SHAPE_TIME] = PATH_TIME,	  [SHAPE_QUANTITY] = PATH_QUANTITY,
	};
	enum shape shape = node->function->gives;
	if (shape == SHAPE_SAME)
		*ret = *input;
	else if (shape == SHAPE_ARGUMENT)
		*ret = *first;
	else if (shape == SHAPE_ANY || shape == SHAPE_NUMBER)
		known_open(ret);
	else
		known_set(ret, kinds[shape]);
}

/* What the types of some functions alone cannot say. */
static void refine(struct checker *k, const struct path_node *node, const struct known *input,
		   const struct known *first, const struct known *rest, struct known *ret)
{
	if (node->function->type_argument && !path_is_call(node, "is")) {
		known_clear(ret);
		known_add(ret, node->type);
	} else if (path_is_call(node, "extension") && k->program->definitions) {
		known_clear(ret);
		known_add_fhir(ret, definitions_type(k->program->definitions, S("Extension")));
	} else if (path_is_call(node, "union") || path_is_call(node, "combine")) {
		*ret = *input;
		known_add_all(ret, first);
	} else if (path_is_call(node, "iif")) {
		*ret = *rest;
	} else if (path_is_call(node, "type")) {
		known_set(ret, PATH_TYPE_INFO);
	} else if (path_is_call(node, "children") || path_is_call(node, "descendants")) {
		ret->unordered = true;
	} else if (path_is_call(node, "sort")) {
		ret->unordered = false;
	} else if (path_is_call(node, "select")) {
		ret->unordered |= input->unordered;
	}
}

/* Patterns that are literals are compiled here, once. */
static bool prepare_regex(struct checker *k, struct path_node *node)
{
	bool replace = path_is_call(node, "replaceMatches"), full = path_is_call(node, "matchesFull");
	const struct path_node *pattern = node->args;
	struct error why = {0};
	if (!replace && !full && !path_is_call(node, "matches"))
		return true;
	const struct path_node *flags = replace ? pattern->next->next : pattern->next;
	if (flags || pattern->op != PATH_OP_LITERAL || pattern->literal.kind != PATH_STRING)
		return true;
	node->regex = regex_compile(k->arena, pattern->literal.text, full ? REGEX_WHOLE : 0, &why);
	return node->regex || path_error_at(k->err, k->program->expression, pattern->at, why.code, "%s", why.text);
}

static bool check_condition(struct checker *k, const struct path_node *call, const struct path_node *arg,
			    const struct known *given)
{
	if (arg != call->args || !path_is_call(call, "iif") || some_kind(given, PATH_BOOLEAN))
		return true;
	return complain(k, arg, "%.*s() needs a boolean here, and this is %.*s", STR_ARG(call->name),
			STR_ARG(type_text(given->types[0])));
}

static struct known *known_new(struct checker *k)
{
	struct known *set = arena_alloc(&k->scratch, sizeof(*set));
	if (set)
		known_clear(set);
	else
		error_memory(k->err);
	return set;
}

static bool check_arguments(struct checker *k, const struct path_node *node, const struct known *input,
			    const struct known *focus, struct known *first, struct known *rest)
{
	unsigned bit = 1;
	struct known *given = known_new(k);
	for (const struct path_node *arg = node->args; given && arg; arg = arg->next, bit <<= 1) {
		bool lambda = bit > 0x80 ? node->function->lambdas == LAMBDA_ALL : node->function->lambdas & bit;
		if (!check(k, arg, lambda ? input : focus, given) || !check_condition(k, node, arg, given))
			return false;
		if (arg == node->args)
			*first = *given;
		else
			known_add_all(rest, given);
	}
	return given;
}

/* repeat() meets what it gives. */
static bool check_again(struct checker *k, const struct path_node *node, const struct known *focus, struct known *first,
			struct known *rest)
{
	bool quiet = k->quiet;
	struct known *met = known_new(k);
	if (!met)
		return false;
	*met = *first;
	k->quiet = true;
	bool ok = check_arguments(k, node, met, focus, first, rest);
	k->quiet = quiet;
	known_add_all(first, met);
	return ok;
}

static bool needs_order(const struct path_node *call)
{
	static const char *const names[] = {"first", "last", "tail", "skip", "take"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (path_is_call(call, names[i]))
			return true;
	return false;
}

static bool check_call(struct checker *k, const struct path_node *node, const struct known *focus, struct known *ret)
{
	struct known *input = known_new(k), *first = known_new(k), *rest = known_new(k);
	if (!input || !first || !rest || !check(k, node->left, focus, input))
		return false;
	if (!accepts(node->function->takes, input))
		return complain(k, node, "%.*s() has no meaning for %.*s", STR_ARG(node->name),
				STR_ARG(type_text(input->types[0])));
	if (input->unordered && needs_order(node) &&
	    !complain(k, node, "%.*s() has no meaning here, where the items have no order", STR_ARG(node->name)))
		return false;
	if (!check_arguments(k, node, input, focus, first, rest))
		return false;
	if (str_starts(node->name, S("repeat")) && node->function->lambdas && !check_again(k, node, focus, first, rest))
		return false;
	if ((path_is_call(node, "ofType") || (path_is_call(node, "as") && k->program->as_filters)) &&
	    node->function->type_argument && !narrow_members(k, node->left, node->type.fhir))
		return false;
	gives(node, input, first, ret);
	refine(k, node, input, first, rest, ret);
	return prepare_regex(k, (struct path_node *)(uintptr_t)node);
}

/* ---- all nodes ------------------------------------------------------------------------------------------------- */

/* The types that a caller tells, or those of a focus. */
static void known_take(struct known *k, const struct path_given *given)
{
	known_clear(k);
	for (size_t i = 0; i < given->count; i++)
		known_add(k, given->types[i]);
	k->open |= given->open;
}

/* Whether defineVariable() with that name stands anywhere in the expression. */
static bool is_defined(const struct path_node *node, struct str name)
{
	if (!node)
		return false;
	if (path_is_call(node, "defineVariable") && node->args->op == PATH_OP_LITERAL &&
	    node->args->literal.kind == PATH_STRING && str_eq(node->args->literal.text, name))
		return true;
	for (const struct path_node *arg = node->args; arg; arg = arg->next)
		if (is_defined(arg, name))
			return true;
	return is_defined(node->left, name) || is_defined(node->right, name);
}

static bool check_variable(struct checker *k, const struct path_node *node, struct known *ret)
{
	struct str name = node->name;
	known_open(ret);
	for (size_t i = 0; i < k->options->variable_count; i++)
		if (str_eq(k->options->variables[i].name, name)) {
			known_take(ret, &k->options->variables[i].given);
			return true;
		}
	if (str_is(name, "context"))
		*ret = *k->start;
	else if (str_is(name, "ucum") || str_is(name, "sct") || str_is(name, "loinc") || str_starts(name, S("vs-")) ||
		 str_starts(name, S("ext-")))
		known_set(ret, PATH_STRING);
	else if (k->options->closed && !str_is(name, "resource") && !str_is(name, "rootResource") &&
		 !str_is(name, "factory") && !is_defined(k->program->root, name))
		return path_error_at(k->err, k->program->expression, node->at, ERR_VALUE, "there is no variable %%%.*s",
				     STR_ARG(str_slice(name, 0, 64)));
	return true;
}

static bool check_sides(struct checker *k, const struct path_node *node, const struct known *focus, struct known *ret)
{
	struct known *left = known_new(k), *right = known_new(k);
	if (!left || !right || !check(k, node->left, focus, left) ||
	    (node->right && !check(k, node->right, focus, right)))
		return false;
	switch (node->op) {
	case PATH_OP_INDEX:
		*ret = *left;
		return !left->unordered ||
		       complain(k, node, "an index has no meaning here, where the items have no order");
	case PATH_OP_NEGATE:
	case PATH_OP_PLUS:
		*ret = *left;
		return true;
	case PATH_OP_AS:
		known_clear(ret);
		known_add(ret, node->type);
		return !k->program->as_filters || narrow_members(k, node->left, node->type.fhir);
	case PATH_OP_MEMBER:
		if (node->left->op == PATH_OP_THIS && has_no_focus(k, focus))
			return complain(k, node,
					"\"%.*s\" has nothing to start from; begin with a variable such as %%name",
					STR_ARG(str_slice(node->name, 0, 64)));
		return check_member(k, node, left, ret);
	default:
		return check_binary(k, node, left, right, ret);
	}
}

static bool check(struct checker *k, const struct path_node *node, const struct known *focus, struct known *ret)
{
	switch (node->op) {
	case PATH_OP_THIS:
		*ret = *focus;
		return true;
	case PATH_OP_TYPE:
		return check_type(k, node, focus, ret);
	case PATH_OP_LITERAL:
		known_set(ret, node->literal.kind);
		return true;
	case PATH_OP_EMPTY:
		known_clear(ret);
		return true;
	case PATH_OP_VARIABLE:
		return check_variable(k, node, ret);
	case PATH_OP_COUNTER:
		known_set(ret, PATH_INTEGER);
		return true;
	case PATH_OP_TOTAL:
		known_open(ret);
		return true;
	case PATH_OP_CALL:
		return check_call(k, node, focus, ret);
	default:
		return check_sides(k, node, focus, ret);
	}
}

/* Keeps the types of the whole with the program. */
static bool keep_given(struct checker *k, const struct known *whole)
{
	struct path_type *types = ARENA_ARRAY(k->arena, struct path_type, whole->count);
	if (!types)
		return error_memory(k->err);
	memcpy(types, whole->types, whole->count * sizeof(*types));
	k->program->given = (struct path_given){.types = types, .count = whole->count, .open = whole->open};
	return true;
}

static bool check_root(struct checker *k)
{
	const struct path_options *options = k->options;
	struct known *start = known_new(k), *ret = known_new(k);
	if (!start || !ret)
		return false;
	if (options->focus)
		known_take(start, options->focus);
	else if (options->start)
		known_add_fhir(start, options->start);
	else
		known_open(start);
	k->start = start;
	return check(k, k->program->root, start, ret) && keep_given(k, ret);
}

bool check_program(struct arena *a, struct path_program *program, const struct path_options *options, struct error *err)
{
	struct checker k = {.arena = a, .program = program, .options = options, .err = err};
	arena_init(&k.scratch, SCRATCH);
	bool ok = check_root(&k) && chain_members(a, program->root, err);
	arena_done(&k.scratch);
	return ok;
}
