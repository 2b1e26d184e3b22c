/*
 * Chains: members in a row whose types are all known, Patient.name.family, are followed through the JSON at once. The
 * evaluator takes a chain when the focus is of the type that it starts at, and goes step by step otherwise.
 */
#include "fhirpath/fhirpath_priv.h"

/* The only type that an item of a step can be of, when the step can be taken in the JSON alone. */
static const struct fhir_type *step_type(const struct path_member *link)
{
	const struct fhir_type *type = link->like.type;
	if (!link->element->choice && link->element->type_count != 1)
		return NULL;
	return type && (type->kind == TYPE_COMPLEX || type->kind == TYPE_BACKBONE) ? type : NULL;
}

/* How many members make a chain that ends with this one; 0 when they do not. Items of another base than the focus may
 * be of other types than the declared ones, so only the focus starts a chain. */
static size_t chain_length(const struct path_node *node)
{
	size_t count = 1;
	const struct path_node *step = node;
	if (!node->member || node->member->next)
		return 0;
	for (; step->left->op == PATH_OP_MEMBER; step = step->left, count++) {
		const struct path_member *before = step->left->member;
		if (!before || before->next || step_type(before) != step->member->owner)
			return 0;
	}
	return step->left->op == PATH_OP_THIS || step->left->op == PATH_OP_TYPE ? count : 0;
}

static bool make_chain(struct arena *a, struct path_node *node, size_t count, struct error *err)
{
	struct path_chain *chain = ARENA_NEW(a, struct path_chain);
	const struct path_member **steps = ARENA_ARRAY(a, const struct path_member *, count);
	if (!chain || !steps)
		return error_memory(err);
	const struct path_node *step = node;
	for (size_t i = count; i-- > 0; step = step->left)
		steps[i] = step->member;
	*chain = (struct path_chain){.steps = steps, .count = count};
	node->chain = chain;
	return true;
}

bool chain_members(struct arena *a, const struct path_node *node, struct error *err)
{
	for (; node; node = node->next) {
		size_t count = node->op == PATH_OP_MEMBER ? chain_length(node) : 0;
		if (count > 1 ? !make_chain(a, (struct path_node *)(uintptr_t)node, count, err)
			      : !chain_members(a, node->left, err) || !chain_members(a, node->right, err) ||
					!chain_members(a, node->args, err))
			return false;
	}
	return true;
}
