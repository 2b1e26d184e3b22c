/* What the configuration says of CDS services, made ready; see config_cds.h. */
#include "app/config_cds.h"

#include "app/config.h"
#include "base/file.h"
#include "base/origin.h"
#include "clinical/policy.h"

#define DAY_MS	   INT64_C(86400000)
#define REMEMBERED (7 * DAY_MS)

void config_cds_defaults(struct config_cds *c)
{
	*c = (struct config_cds){.body = 10 << 20,
				 .fetch_bytes = 32 << 20,
				 .fetch_time = 4000,
				 .fetch_threads = 16,
				 .cards = 20,
				 .remember = REMEMBERED};
}

static bool check_level(const char *name, struct str text, struct error *err)
{
	enum level level;
	return !text.n || level_named(text, &level) ||
	       error_set(err, ERR_CONFIG, "cds.%s is none of off, info, warning, critical", name);
}

static bool check_range(const char *name, int64_t value, int64_t least, int64_t most, const char *range,
			struct error *err)
{
	return (value >= least && value <= most) || error_set(err, ERR_CONFIG, "cds.%s must be %s", name, range);
}

static bool check_policy(const struct config_cds_policy *p, struct error *err)
{
	static const char *const kinds[] = {"allergy", "interaction", "duplicate"};
	enum policy_action action;
	bool known = !p->kind.n;
	for (size_t i = 0; i < 3; i++)
		known = known || str_is(p->kind, kinds[i]);
	if (!known)
		return error_set(err, ERR_CONFIG, "cds_policy %.*s: kind is none of allergy, interaction, duplicate",
				 STR_ARG(p->name));
	if (!policy_action_named(p->action, &action))
		return error_set(err, ERR_CONFIG,
				 "cds_policy %.*s: action is none of off, info, warning, critical, raise, lower, keep",
				 STR_ARG(p->name));
	return true;
}

static bool load_keys(struct config_cds_client *client, struct arena *a, struct error *err)
{
	struct str text;
	if (!client->jku.p && !client->jwks_file.p)
		return error_set(err, ERR_CONFIG, "cds_clients %.*s needs jku or jwks_file", STR_ARG(client->iss));
	if (!client->jwks_file.p)
		return true;
	client->jwks = file_read(a, client->jwks_file, 1 << 20, &text, err) ? json_parse(a, text, 0, err) : NULL;
	return client->jwks || error_context(err, "cds_clients %.*s", STR_ARG(client->iss));
}

bool config_load_cds(struct config *c, struct arena *a, struct error *err)
{
	for (size_t i = 0; i < c->cds_client_count; i++)
		if (!load_keys(&c->cds_clients[i], a, err))
			return false;
	for (size_t i = 0; i < c->cds_policy_count; i++)
		if (!check_policy(&c->cds_policy[i], err))
			return false;
	return true;
}

bool config_settle_cds(struct config *c, struct error *err)
{
	struct config_cds *cds = &c->cds;
	if (!cds->enabled_given)
		cds->enabled = cds->given || c->cds_client_count || c->cds_policy_count;
	if (!cds->enabled)
		return true;
	if (!c->cds_client_count && !cds->open && !host_is_loopback(c->host))
		return error_set(
			err, ERR_CONFIG,
			"CDS services listen on %.*s without asking who calls: name the EHRs in cds_clients, or "
			"say cds: open: on",
			STR_ARG(c->host));
	if (c->cds_client_count && cds->open)
		return error_set(err, ERR_CONFIG, "cds.open and cds_clients do not go together");
	return check_level("threshold", cds->threshold, err) &&
	       check_level("unverified_interactions", cds->unverified_interactions, err) &&
	       check_level("unverified_cross", cds->unverified_cross, err) &&
	       check_level("noninterruptive", cds->noninterruptive, err) &&
	       check_range("body", cds->body, 1 << 10, 256 << 20, "from 1 KB to 256 MB", err) &&
	       check_range("fetch_bytes", cds->fetch_bytes, 1 << 10, 256 << 20, "from 1 KB to 256 MB", err) &&
	       check_range("fetch_time", cds->fetch_time, 10, 60000, "from 10 ms to 60 s", err) &&
	       check_range("fetch_threads", cds->fetch_threads, 1, 64, "from 1 to 64", err) &&
	       check_range("cards", cds->cards, 1, 199, "from 1 to 199", err) &&
	       check_range("remember", cds->remember, 0, 400 * DAY_MS, "at most 400 days", err);
}
