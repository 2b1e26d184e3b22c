/* The compiled form of an expression, for people: one node a line, children indented. */
#include "fhirpath/fhirpath_priv.h"

static const char *const op_names[] = {
	[PATH_OP_THIS] = "focus",	 [PATH_OP_TYPE] = "if of type", [PATH_OP_MEMBER] = "member",
	[PATH_OP_INDEX] = "index",	 [PATH_OP_CALL] = "call",	[PATH_OP_LITERAL] = "literal",
	[PATH_OP_EMPTY] = "nothing",	 [PATH_OP_NEGATE] = "sign -",	[PATH_OP_PLUS] = "sign +",
	[PATH_OP_VARIABLE] = "variable", [PATH_OP_COUNTER] = "$index",	[PATH_OP_TOTAL] = "$total",
#define OPERATOR(name, text, precedence) [PATH_OP_##name] = "operator " text,
#include "fhirpath/operators.def"
#undef OPERATOR
};

static void explain_type(struct buf *out, struct path_type type)
{
	if (type.fhir)
		buf_printf(out, " FHIR.%.*s", STR_ARG(type.fhir->name));
	if (type.fhir && type.system != PATH_ELEMENT)
		buf_add(out, S(" or"));
	if (type.system != PATH_ELEMENT)
		buf_printf(out, " System.%.*s", STR_ARG(kind_name(type.system)));
}

/* Which elements a member was linked to. */
static void explain_links(struct buf *out, const struct path_node *node)
{
	const char *before = " -> ";
	for (const struct path_member *m = node->member; m; m = m->next) {
		buf_printf(out, "%s%.*s", before, STR_ARG(m->element->path));
		if (m->element->choice && m->property.p)
			buf_printf(out, " (%.*s)", STR_ARG(m->property));
		before = ", ";
	}
}

static void explain_line(struct buf *out, const struct path_node *node)
{
	buf_add(out, str_from(op_names[node->op]));
	switch (node->op) {
	case PATH_OP_MEMBER:
		buf_printf(out, " %.*s", STR_ARG(node->name));
		explain_links(out, node);
		break;
	case PATH_OP_TYPE:
		buf_printf(out, " %.*s%s", STR_ARG(node->name), node->type.fhir ? "" : " (or a member of that name)");
		break;
	case PATH_OP_CALL:
		buf_printf(out, " %.*s()", STR_ARG(node->name));
		if (node->function->type_argument)
			explain_type(out, node->type);
		if (node->regex)
			buf_add(out, S(", pattern compiled"));
		break;
	case PATH_OP_VARIABLE:
		buf_printf(out, " %%%.*s", STR_ARG(node->name));
		break;
	case PATH_OP_IS:
	case PATH_OP_AS:
		explain_type(out, node->type);
		break;
	case PATH_OP_LITERAL:
		buf_printf(out, " %.*s ", STR_ARG(kind_name(node->literal.kind)));
		path_item_print(out, &node->literal);
		break;
	default:
		break;
	}
	buf_char(out, '\n');
}

static void explain_node(struct buf *out, const struct path_node *node, unsigned depth)
{
	if (!node)
		return;
	for (unsigned i = 0; i < depth; i++)
		buf_add(out, S("  "));
	explain_line(out, node);
	explain_node(out, node->left, depth + 1);
	explain_node(out, node->right, depth + 1);
	if (node->op == PATH_OP_CALL)
		for (const struct path_node *arg = node->args; arg; arg = arg->next)
			explain_node(out, arg, depth + 1);
}

void path_explain(struct buf *out, const struct path_program *program)
{
	explain_node(out, program->root, 0);
}
