/*
 * Oracle Health (Cerner Millennium): scopes that must be listed one by one, resources entered in error among search
 * results, errors named by URNs, and an MRN that is an alias of codeSet/4 with code 10.
 */
#include "ehr/ehr_priv.h"

#define V2(type) "system/" type ".rs "
#define V1(type) "system/" type ".read "
#define PULLED(permission)                                                                                             \
	permission("Patient") permission("Condition") permission("MedicationRequest") permission("AllergyIntolerance") \
		permission("Encounter") permission("Observation")

static const struct ehr_query queries[] = {
	{"Observation", "&category=vital-signs,laboratory&_count=200"},
	{NULL, NULL},
};

static const struct ehr_code codes[] = {
	{"urn:cerner:error:oauth2:resource-access:insufficient-scopes", ERR_REMOTE_REFUSED, false,
	 "the scopes of the token do not cover this"},
	{"urn:cerner:error:oauth2:resource-access:token-required", ERR_TOKEN_INVALID, false,
	 "the request arrived without a usable access token"},
	{"invalid_scope", ERR_INVALID_SCOPE, false,
	 "none of the requested scopes can be granted: check the scopes of the account, and v1 against v2 form"},
	{"invalid_client", ERR_INVALID_CLIENT, false,
	 "the token request was not accepted: check the client id, that the account uses keys rather than a secret, "
	 "and "
	 "this machine's clock"},
	{"required", ERR_REMOTE, false, "a record there lacks a required element and spoils the whole answer"},
	{"throttled", ERR_THROTTLED, false, "too many requests"},
	{NULL, ERR_NONE, false, NULL},
};

static bool is_millennium_mrn(const struct json *identifier)
{
	struct json_iter it = json_iter(json_get(json_get(identifier, S("type")), S("coding")));
	while (json_next(&it))
		if (str_is(json_get_str(it.value, S("code")), "10") &&
		    str_ends(json_get_str(it.value, S("system")), S("/codeSet/4")))
			return true;
	return false;
}

static struct str mrn(const struct json *patient)
{
	struct str found = ehr_identifier(patient, is_millennium_mrn);
	return found.p ? found : ehr_identifier(patient, ehr_identifier_is_mr);
}

const struct ehr_rules ehr_cerner_rules = {
	.name = "cerner",
	.label = "Oracle Health (Cerner)",
	.scopes = PULLED(V2) "system/Flag.crus",
	.older_scopes = PULLED(V1) "system/Flag.read system/Flag.write",
	.withdraws = true,
	.queries = queries,
	.codes = codes,
	.mrn = mrn,
};
