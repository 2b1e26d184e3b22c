/* Packages, terminologies and rules of a server; see serve_knowledge.h. */
#include "app/serve_knowledge.h"

/* The texts of all rules given for the same type up to here, as one. */
static struct str text_of(struct serve_knowledge *k, size_t at, struct str type)
{
	struct str joined = STR_NULL;
	for (size_t i = 0; i <= at; i++) {
		struct str text = k->rules.items[i], name = str_split(&text, '=');
		if (str_eq(name, type) && text.p)
			joined = joined.p ? arena_printf(&k->app->arena, "%.*s %.*s", STR_ARG(joined), STR_ARG(text))
					  : text;
	}
	return joined;
}

static bool take_rules(struct serve_knowledge *k, struct config *config, struct error *err)
{
	for (size_t i = 0; i < k->rules.count; i++) {
		struct str rest = k->rules.items[i], type = str_split(&rest, '=');
		if (!rest.p)
			return error_set(err, ERR_USAGE,
					 "--validation needs TYPE=RULE, such as Patient=declared or *=structure");
		if (!config_rule(config, &k->app->arena, type, text_of(k, i, type), err))
			return error_context(err, "--validation %.*s", STR_ARG(str_slice(type, 0, 60)));
	}
	return true;
}

/* The names in firth.yaml, in front of those of the command line. */
static bool take_packages(struct serve_knowledge *k, const struct config *config, struct error *err)
{
	struct option_list all = {0};
	struct str rest = config->packages;
	struct arena *a = &k->app->arena;
	all.items = ARENA_ARRAY(a, struct str, config->packages.n + k->packages.list.count + 1);
	if (!all.items)
		return error_memory(err);
	while (rest.p) {
		struct str name = str_trim(str_split(&rest, ' '));
		if (name.n)
			all.items[all.count++] = name;
	}
	for (size_t i = 0; i < k->packages.list.count; i++)
		all.items[all.count++] = k->packages.list.items[i];
	all.capacity = all.count;
	k->packages.list = all;
	if (!all.count)
		return true;
	k->canonicals = canonicals_new(err);
	return k->canonicals && app_packages_load(k->app, k->canonicals, &k->packages, err);
}

/* Releases are mapped when a terminology is first made, and given to those that come later. */
static bool equip(void *ctx, struct terminology *t, struct error *err)
{
	struct serve_knowledge *k = ctx;
	pthread_mutex_lock(&k->lock);
	bool ok = !k->releases || releases_give(k->releases, t, err);
	if (!k->releases) {
		k->releases = app_releases_open(k->app, k->terminology, t, err);
		ok = k->releases != NULL;
	}
	pthread_mutex_unlock(&k->lock);
	return ok;
}

bool serve_knowledge_open(struct serve_knowledge *k, struct config *config, struct error *err)
{
	pthread_mutex_init(&k->lock, NULL);
	if (!take_rules(k, config, err) || !take_packages(k, config, err)) {
		serve_knowledge_close(k);
		return false;
	}
	k->options = (struct knowledge_options){.canonicals = k->canonicals,
						.equip = equip,
						.ctx = k,
						.rules = config->rules,
						.rule_count = config->rule_count};
	return true;
}

void serve_knowledge_close(struct serve_knowledge *k)
{
	releases_close(k->releases);
	canonicals_free(k->canonicals);
	k->releases = NULL;
	k->canonicals = NULL;
}
