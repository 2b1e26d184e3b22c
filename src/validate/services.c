/* What FHIRPath expressions may ask during a validation: references, value sets, profiles, from where they stand. */
#include "validate/walk_priv.h"

struct path_item node_item(const struct node *n)
{
	return path_item_element(n->type, n->element, n->value, n->extra, n->holder->json);
}

static bool resolve(void *ctx, struct arena *a, const struct path_item *from, struct str reference,
		    struct path_item *ret_item, struct error *err)
{
	struct validation *v = ctx;
	(void)a, (void)from, (void)err;
	struct target t = validation_resolve(v, v->evaluating->holder, reference);
	if (t.resource)
		*ret_item = path_item_resource(v->definitions, t.resource);
	return true;
}

static struct str item_text(const struct path_item *item)
{
	return item->kind == PATH_STRING ? item->text : json_str(item->value);
}

static int answer_of(enum code_answer answer)
{
	return answer == CODE_IN ? 1 : answer == CODE_NOT_IN ? 0 : -1;
}

static int ask_coding(struct validation *v, const struct json *j, struct str value_set)
{
	struct coding c = {json_get_str(j, S("system")), json_get_str(j, S("version")), json_get_str(j, S("code")),
			   STR_NULL};
	return c.code.n ? answer_of(validation_code(v, value_set, NULL, &c, false).answer) : 0;
}

static bool member_of(void *ctx, struct arena *a, const struct path_item *item, struct str value_set, int *ret_answer,
		      struct error *err)
{
	struct validation *v = ctx;
	(void)a, (void)err;
	struct json_iter it = json_iter(json_get(item->value, S("coding")));
	if (item_text(item).p) {
		struct coding c = {.code = item_text(item)};
		*ret_answer = answer_of(validation_code(v, value_set, NULL, &c, true).answer);
		return true;
	}
	if (!it.left) {
		*ret_answer = ask_coding(v, item->value, value_set);
		return true;
	}
	int any = 0;
	while (json_next(&it)) {
		int one = ask_coding(v, it.value, value_set);
		any = one == 1 || any == 1 ? 1 : one < 0 || any < 0 ? -1 : 0;
	}
	*ret_answer = any;
	return true;
}

static bool conforms_to(void *ctx, struct arena *a, const struct path_item *item, struct str profile, int *ret_answer,
			struct error *err)
{
	struct validation *v = ctx;
	(void)a, (void)err;
	const struct node *at = v->evaluating;
	const struct profile *p = profiles_find(v->profiles, profile, NULL, NULL);
	*ret_answer = -1;
	if (!p || !item->type)
		return true;
	v->nested_evaluations++;
	if (item->type->kind == TYPE_RESOURCE) {
		const struct holder *home = at->holder->json == item->value ? at->holder->outer : at->holder;
		*ret_answer = conforms_home(v, home, item->value, p);
	} else {
		struct node n = node_child(at, item->type->name, -1, item->value);
		n.extra = item->extra;
		n.type = item->type;
		*ret_answer = conforms_element(v, &n, p->root);
	}
	v->nested_evaluations--;
	v->evaluating = at;
	return true;
}

static bool subsumes(void *ctx, struct arena *a, const struct path_item *general, const struct path_item *special,
		     int *ret_answer, struct error *err)
{
	struct validation *v = ctx;
	(void)a, (void)err;
	struct str system = json_get_str(general->value, S("system"));
	*ret_answer = -1;
	if (!system.p || !str_eq(system, json_get_str(special->value, S("system"))))
		return true;
	switch (terminology_subsumes(v->terminology, system, STR_NULL, json_get_str(general->value, S("code")),
				     json_get_str(special->value, S("code")))) {
	case SUBSUMES:
	case SUBSUMES_EQUIVALENT:
		*ret_answer = 1;
		break;
	case SUBSUMED_BY:
	case SUBSUMES_NOT:
		*ret_answer = 0;
		break;
	case SUBSUMES_UNKNOWN:
		break;
	}
	return true;
}

void validation_path_services(struct validation *v)
{
	v->services = (struct path_services){
		.ctx = v, .resolve = resolve, .member_of = member_of, .conforms_to = conforms_to, .subsumes = subsumes};
	definition_services(&v->services);
}

void validation_path_context(struct validation *v, const struct node *n, struct path_context *ret_context)
{
	const struct holder *root = n->holder;
	while (root->contained && root->outer)
		root = root->outer;
	*ret_context = (struct path_context){.resource = n->holder->json,
					     .root_resource = root->json,
					     .services = &v->services,
					     .clock = true,
					     .now_ms = v->options->now_ms};
}
