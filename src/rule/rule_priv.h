/* What the files of this room share: names and their types, expressions, templates, the compiler and a run. */
#ifndef FIRTH_RULE_PRIV_H
#define FIRTH_RULE_PRIV_H

#include "rule/rule.h"

/* ---- names --------------------------------------------------------------------------------------------------------
 */

/* What an expression may name. The first ones are always there, in this order. */
enum name_kind {
	NAME_CONTEXT, /* %context: of the hook */
	NAME_PREFETCH, /* %prefetch: the values as they came, by key */
	NAME_RESOURCES, /* %resources: all resources of the prefetch */
	NAME_ORDERS, /* %orders: the resources of draftOrders, dispatched orders or appointments */
	NAME_SELECTED, /* %selected: of those the ones in selections */
	NAME_TODAY,
	NAME_NOW,
	NAME_FIXED, /* how many these are */
	NAME_KEY = NAME_FIXED, /* a key of the prefetch: its resources */
	NAME_TABLE, /* data of the service itself */
	NAME_DEFINE,
	NAME_ITEM /* of forEach */
};
enum { NAMES_MAX = NAME_FIXED + RULE_PREFETCH_MAX + 2 * RULE_RULES_MAX + 1 };
#define NEEDS_WORDS ((NAMES_MAX + 63) / 64)

/* An expression, and which names must have their values before it is evaluated. */
struct rule_expression {
	const struct path_program *program;
	uint64_t needs[NEEDS_WORDS];
};

struct rule_name {
	enum name_kind kind;
	size_t key; /* NAME_KEY: which */
	const struct json *table;
	const struct rule_expression *expression; /* NAME_DEFINE */
};

/* ---- templates ----------------------------------------------------------------------------------------------------
 */

enum part_kind { PART_LITERAL, PART_VALUE, PART_EACH, PART_IF };
struct rule_part {
	enum part_kind kind;
	struct str literal;
	const struct rule_expression *expression;
	const struct rule_part *inner; /* of each and if */
	const struct rule_part *next;
};
/* A text with {{ expressions }}. */
struct rule_text {
	const struct rule_part *parts;
	bool given; /* it was there at all */
	bool varies; /* it has expressions */
};

/* A JSON value of which any text may be a template. */
struct rule_tree {
	const struct json *constant; /* as it stands */
	struct rule_text text; /* a text with expressions among others */
	const struct rule_expression *whole; /* a text that is one expression: its value takes the place */
	enum json_type type; /* JSON_OBJECT, JSON_ARRAY: */
	const struct rule_tree *first;
	struct str name; /* in its object */
	const struct rule_tree *next;
};

/* ---- what is compiled ---------------------------------------------------------------------------------------------
 */

struct rule_action {
	enum hook_action_type type;
	struct rule_text description, resource_id;
	const struct rule_tree *resource;
};
struct rule_suggestion {
	const struct rule_expression *const *when; /* all must be true for it to be made */
	size_t when_count;
	struct rule_text label;
	bool recommended;
	const struct rule_action *actions;
	size_t action_count;
};
struct rule_link {
	struct rule_text label, url, app_context;
	bool smart, autolaunchable;
};
struct rule_card {
	struct rule_text summary, detail, indicator;
	struct rule_text source_label, source_url, source_icon;
	struct hook_coding topic;
	const struct rule_suggestion *suggestions;
	size_t suggestion_count;
	bool at_most_one;
	struct hook_coding *override_reasons;
	size_t override_reason_count;
	const struct rule_link *links;
	size_t link_count;
};
struct rule {
	struct str id;
	const struct rule_expression *const *when; /* all must be true */
	size_t when_count;
	const struct rule_expression *each; /* NULL: once */
	size_t item; /* the name of the item, when there is each */
	const struct rule_card *card; /* NULL: only system actions */
	const struct rule_action *system_actions;
	size_t system_action_count;
	const struct rule_expression *focus; /* what expressions start from; NULL: the item, or nothing */
};
struct rule_values_named {
	struct str name;
	const struct rule_values *values; /* NULL: asked by url */
	struct str url;
};
struct rule_program {
	const struct definitions *definitions;
	const struct rule_library *library;
	const struct rule_service *service;
	const struct rule_name *names;
	const struct path_declaration *declarations; /* of the names, in the same order */
	size_t name_count;
	const struct rule_values_named *values;
	size_t value_count;
	const struct rule *rules;
	size_t rule_count;
};

/* ---- compiler -----------------------------------------------------------------------------------------------------
 */

struct compiler {
	struct rule_library *library;
	struct arena *arena;
	struct str file;
	struct str at; /* the member that is read, for errors */
	size_t hook; /* which of those that the service names */
	struct rule_service *service;
	struct rule_program *program;
	struct rule_prefetch prefetch[RULE_PREFETCH_MAX];
	size_t prefetch_count;
	struct rule_name names[NAMES_MAX];
	struct path_declaration declarations[NAMES_MAX];
	size_t name_count;
	struct rule_values_named values[RULE_RULES_MAX];
	size_t value_count;
	const struct path_given *focus; /* of the expressions that are read now; NULL: none */
	bool literal; /* {{ in texts has no meaning: they come from a resource, not from a template */
	struct error *err;
};

/* Always false, with the member as path. */
bool compile_fail(struct compiler *c, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Goes down: compiler.at becomes at.name or at[index]; what it was is returned, to be put back. */
struct str compile_enter(struct compiler *c, struct str name);
struct str compile_enter_index(struct compiler *c, size_t index);
/* A file's path: named from where the service stands, so that the same name may mean two. */
struct str compile_beside(const struct compiler *c, struct str name);
/* Refuses members of an object that are not in the list, which ends with NULL; and what is no object. */
bool compile_members(struct compiler *c, const struct json *object, const char *const *known) MUST_USE;
/* A text member; STR_NULL when it is absent and need not be there. */
bool compile_str(struct compiler *c, const struct json *object, const char *name, bool required,
		 struct str *ret_text) MUST_USE;
bool compile_bool(struct compiler *c, const struct json *object, const char *name, bool *ret_value) MUST_USE;
/* An array member of objects; 0 when it is absent. ERR_LIMIT past max. */
bool compile_count(struct compiler *c, const struct json *object, const char *name, size_t max,
		   size_t *ret_count) MUST_USE;

/* An id must be fit for an address. */
bool compile_id(struct compiler *c, struct str id) MUST_USE;

bool names_begin(struct compiler *c) MUST_USE;
bool names_add(struct compiler *c, struct str name, struct rule_name how, struct path_given given) MUST_USE;
/* The names of the service's own part: prefetch, valueSets, tables, define. */
bool names_prefetch(struct compiler *c, const struct json *service) MUST_USE;
bool names_add_prefetch(struct compiler *c, struct str key, struct str query, bool optional) MUST_USE;
bool names_values(struct compiler *c, const struct json *service) MUST_USE;
bool names_tables(struct compiler *c, const struct json *service) MUST_USE;
bool names_define(struct compiler *c, const struct json *service) MUST_USE;

const struct rule_expression *expression_compile(struct compiler *c, struct str text);
/* The same for a condition: it must be able to give a boolean. */
const struct rule_expression *expression_condition(struct compiler *c, struct str text);

bool text_compile(struct compiler *c, struct str text, struct rule_text *ret_text) MUST_USE;
/* A member that is a template; ret_text->given is false when it is absent. */
bool text_member(struct compiler *c, const struct json *object, const char *name, bool required,
		 struct rule_text *ret_text) MUST_USE;
const struct rule_tree *tree_compile(struct compiler *c, const struct json *value, unsigned depth);

bool card_compile(struct compiler *c, const struct json *card, const struct json *service, struct str rule,
		  struct rule_card *ret_card) MUST_USE;
bool card_codings(struct compiler *c, const struct json *object, const char *name, struct hook_coding **ret_list,
		  size_t *ret_count) MUST_USE;
bool actions_compile(struct compiler *c, const struct json *object, const char *name,
		     const struct rule_action **ret_list, size_t *ret_count) MUST_USE;
bool rules_compile(struct compiler *c, const struct json *service) MUST_USE;

/* ---- PlanDefinitions ----------------------------------------------------------------------------------------------
 */

bool plan_compile(struct compiler *c, const struct json *plan, bool service) MUST_USE;
/* An Expression in FHIRPath; other languages are refused by name. */
const struct rule_expression *plan_expression(struct compiler *c, const struct json *expression, bool condition);
/* The conditions of an action after those of the actions around it. */
bool plan_conditions(struct compiler *c, const struct json *action, const struct rule_expression *const *outer,
		     size_t outer_count, const struct rule_expression *const **ret_list, size_t *ret_count) MUST_USE;
/* What an action says it needs (DataRequirement): keys of the prefetch, and names where it has an id. */
bool plan_data(struct compiler *c, const struct json *list, const char *name) MUST_USE;
/* The resource that an action's ActivityDefinition and dynamicValues make. *ret_tree is NULL when it has none. */
bool plan_activity(struct compiler *c, const struct json *action, const struct rule_tree **ret_tree) MUST_USE;
/* Puts an expression into a tree of a resource, at a path of element names. */
bool plan_set(struct compiler *c, struct rule_tree *resource, struct str type, struct str path,
	      const struct rule_expression *expression) MUST_USE;
/* What is the name of a member that is not supported? Refuses the first that is there. */
bool plan_refuse(struct compiler *c, const struct json *object, const char *const *names) MUST_USE;

/* ---- value sets ---------------------------------------------------------------------------------------------------
 */

/* The value set of a file, or that of a canonical url; read once for all services. *ret_values is NULL when its codes
 * are not listed and terminology has to be asked for *ret_url. */
bool values_open(struct compiler *c, struct str name, const struct rule_values **ret_values,
		 struct str *ret_url) MUST_USE;
bool values_have(const struct rule_values *v, struct str system, struct str code);
size_t values_count(const struct rule_values *v);

/* ---- a run --------------------------------------------------------------------------------------------------------
 */

enum name_state { NAME_OPEN, NAME_READY, NAME_BROKEN };
struct place {
	struct str key; /* "Patient/1" or fullUrl */
	const struct json *resource;
};
struct run {
	const struct rule_program *program;
	const struct rule_input *input;
	struct arena *arena;
	struct path_services services;
	struct path_context context;
	struct path_variable *variables;
	enum name_state *states;
	struct path_items all; /* the resources of the prefetch */
	struct place *places; /* sorted by key; made when a reference is first resolved */
	size_t place_count;
	uint64_t steps;
	const struct path_item *focus;
	struct error *err;
};

bool run_begin(struct run *r, const struct rule_program *p, struct arena *a, const struct rule_input *input,
	       struct error *err) MUST_USE;
/* Gives an expression's names their values, and evaluates it on the run's focus. */
bool run_items(struct run *r, const struct rule_expression *e, struct path_items *ret_items) MUST_USE;
bool run_condition(struct run *r, const struct rule_expression *e, bool *ret_true) MUST_USE;
void run_services(struct run *r);
/* Resources of a value of the prefetch: itself, those of a Bundle, or that of an entry. */
bool run_resources(struct run *r, const struct json *value, const struct fhir_type *type,
		   struct path_items *out) MUST_USE;

/* A template's text, in the arena. markdown: values from data are escaped. ret STR_NULL when it was not given. */
bool text_run(struct run *r, const struct rule_text *t, bool markdown, struct str *ret_text) MUST_USE;
/* What an item is for people: "Aspirin 81 mg", "5 mg", "2024-05-01". STR_NULL when it has no text. */
struct str item_text(struct run *r, const struct path_item *item);
/* Whether items of that type have a text; an unknown type may. */
bool item_type_has_text(const struct path_type *type);
/* A tree with its templates filled in, as JSON. */
bool tree_run(struct run *r, const struct rule_tree *tree, struct buf *out) MUST_USE;
bool action_run(struct run *r, const struct rule_action *from, struct hook_action *ret_action) MUST_USE;
bool card_run(struct run *r, const struct rule_card *from, struct hook_card *ret_card) MUST_USE;

#endif
