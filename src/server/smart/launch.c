/* What an EHR, or its simulator, launches an app with (SMART App Launch 2.2 section 2.1.2): good once. */
#include "server/smart/smart_priv.h"

#define SHELF S("launch")

static const struct {
	const char *name;
	size_t offset;
} texts[] = {{"client_id", offsetof(struct smart_launch, client_id)},
	     {"user", offsetof(struct smart_launch, user)},
	     {"patient", offsetof(struct smart_launch, patient)},
	     {"encounter", offsetof(struct smart_launch, encounter)},
	     {"intent", offsetof(struct smart_launch, intent)},
	     {"fhir_context", offsetof(struct smart_launch, fhir_context)},
	     {"style_url", offsetof(struct smart_launch, style_url)},
	     {"app_context", offsetof(struct smart_launch, app_context)}};

static bool check_context(struct arena *a, const struct smart_launch *launch, struct error *err)
{
	const struct json *context = launch->fhir_context.p ? json_parse(a, launch->fhir_context, 16, err) : NULL;
	if (launch->fhir_context.p && !json_is(context, JSON_ARRAY))
		return error_set(err, ERR_VALUE, "fhirContext is not a JSON array");
	return launch->client_id.n || error_set(err, ERR_VALUE, "A launch is of an app: client_id is missing");
}

bool smart_launch_new(struct smart *s, struct arena *a, const struct smart_launch *launch, struct str *ret_id,
		      struct error *err)
{
	struct buf text;
	if (!check_context(a, launch, err))
		return false;
	struct str id = secret_new(a), key = id.p ? secret_digest(a, id) : STR_NULL;
	buf_init(&text, MAX_FACT);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		json_put_member(&w, str_from(texts[i].name),
				*(const struct str *)((const char *)launch + texts[i].offset));
	json_key(&w, S("banner"));
	json_put_bool(&w, launch->need_patient_banner);
	json_object_end(&w);
	const struct store_fact fact = {.shelf = SHELF,
					.key = key,
					.value = buf_str(&text),
					.expires_ms = smart_now(s) + s->options.lifetimes.launch_s * INT64_C(1000),
					.only_new = true,
					.quiet = true};
	bool ok = (key.p && buf_ok(&text)) || error_memory(err);
	ok = ok && store_fact_put(s->options.store, &fact, err);
	buf_done(&text);
	if (ok)
		*ret_id = id;
	return ok;
}

static bool unknown(struct decision *d, struct error *err)
{
	return decision_refuse(d, CHECK_LAUNCH, REFUSAL_LAUNCH_UNKNOWN, STR_NULL, STR_NULL, STR_NULL, err);
}

bool smart_launch_take(struct smart *s, struct arena *a, struct str id, struct str client_id, struct decision *d,
		       struct smart_launch *ret_launch, struct error *err)
{
	struct smart_launch launch = {0};
	struct str stored = STR_NULL, key = secret_digest(a, id);
	struct error why = {0};
	if (!key.p)
		return error_memory(err);
	if (!store_fact_get(s->options.store, a, SHELF, key, &stored, err))
		return false;
	if (!stored.p)
		return unknown(d, err);
	const struct json *j = json_parse(a, stored, 0, err);
	if (!j)
		return false;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*(struct str *)((char *)&launch + texts[i].offset) = json_get_str(j, str_from(texts[i].name));
	launch.need_patient_banner = json_bool(json_get(j, S("banner")));
	if (!str_eq(launch.client_id, client_id))
		return unknown(d, err); /* and it stays for the app that it is for */
	const struct store_fact fact = {.shelf = SHELF, .key = key, .must_exist = true, .quiet = true};
	if (!store_fact_put(s->options.store, &fact, &why))
		return why.code == ERR_CONFLICT ? unknown(d, err) : error_set(err, why.code, "%s", why.text);
	*ret_launch = launch;
	return true;
}
