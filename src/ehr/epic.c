/*
 * Epic: searches that want a category, numeric error codes in OperationOutcome.issue.details.coding, an MRN that is
 * recognised by the label of its identifier, and tokens that carry what was registered whatever is asked for.
 */
#include "ehr/ehr_priv.h"

/* Observation and Condition are split into one API per category at Epic. Each is asked for alone, so that one which is
 * not registered costs a warning instead of the others. */
static const struct ehr_query queries[] = {
	{"Condition", "&category=problem-list-item"},
	{"Condition", "&category=encounter-diagnosis"},
	{"Observation", "&category=vital-signs"},
	{"Observation", "&category=laboratory"},
	{NULL, NULL},
};

static const struct ehr_code codes[] = {
	{"4100", ERR_REMOTE_REFUSED, false, "a parameter of the request is not valid there"},
	{"4101", ERR_NONE, false, "the search found nothing"},
	{"4102", ERR_NOT_FOUND, false, "the id is not valid there"},
	{"4103", ERR_GONE, false, "the resource was deleted there"},
	{"4104", ERR_REMOTE, false, "a required element of the record is not available there"},
	{"4107", ERR_GONE, false, "the patient was merged into another record; use that record's id"},
	{"4110", ERR_REMOTE_REFUSED, false, "the search had no parameters"},
	{"4111", ERR_REMOTE_REFUSED, false, "the search lacks a parameter that is required there"},
	{"4112", ERR_REMOTE_REFUSED, false, "these search parameters cannot be combined there"},
	{"4113", ERR_CURSOR, false, "the search session ran out before all pages were read"},
	{"4115", ERR_REMOTE_REFUSED, false, "a required search parameter has a value that is not valid there"},
	{"4116", ERR_REMOTE_REFUSED, false, "a search of another FHIR version cannot be continued"},
	{"4118", ERR_REMOTE_REFUSED, false, "the background user of this client lacks the security to see this"},
	{"4119", ERR_NONE, true, "more data may exist for the patient than was shown"},
	{"4122", ERR_NONE, false, "a search parameter is unknown there and was ignored"},
	{"4127", ERR_LIMIT, false, "more than 100 patients match; narrow the search"},
	{"4130", ERR_REMOTE_REFUSED, false, "the record is behind break-the-glass"},
	{"4131", ERR_REMOTE_REFUSED, false, "the record is behind break-the-glass"},
	{"4134", ERR_NONE, false, "the record is behind break-the-glass and the access was noted"},
	{"4135", ERR_THROTTLED, false, "the daily limit for documents is used up; try again tomorrow"},
	{"40000", ERR_REMOTE, false, "a mapping at the site is missing or wrong"},
	{"59008", ERR_NOT_FOUND, false, "there is no resource with this id"},
	{"59100", ERR_NONE, false, "a search parameter is unknown there and was ignored"},
	{"59101", ERR_NONE, false, "part of the content does not fit and was ignored"},
	{"59102", ERR_REMOTE_REFUSED, false, "the content does not fit the profile used there"},
	{"59105", ERR_REMOTE_REFUSED, false, "the content has a structure that is not accepted there"},
	{"59108", ERR_REMOTE_REFUSED, false, "an element that is required there is missing"},
	{"59109", ERR_NONE, false, "an optional element is not valid there and was ignored"},
	{"59111", ERR_REMOTE_REFUSED, false, "a required element has a value that is not valid there"},
	{"59133", ERR_REMOTE, false, "the request could not be processed there"},
	{"59141", ERR_CONFLICT, false, "the same content exists there already"},
	{"59144", ERR_REMOTE_REFUSED, false, "something that the content refers to does not exist there"},
	{"59159", ERR_REMOTE_REFUSED, false,
	 "a rule there forbids the request, such as a search parameter it requires"},
	{"59177", ERR_REMOTE, false, "the EHR failed inside"},
	{"59187", ERR_REMOTE_REFUSED, false, "the code is not set up for filing at this site"},
	{"59188", ERR_REMOTE_REFUSED, false, "the codes do not lead to exactly one flowsheet row at this site"},
	{"59189", ERR_REMOTE, false, "filing failed at this site"},
	{"59204", ERR_NONE, true, "part of the results was left out: this client is not registered for that API"},
	{"59205", ERR_NONE, true, "part of the results was left out: the background user may not see it"},
	{"invalid_client", ERR_INVALID_CLIENT, false,
	 "the token request was not accepted: check the client id, that it is for this environment, that the public "
	 "key "
	 "is registered, and this machine's clock"},
	{"unauthorized_client", ERR_INVALID_CLIENT, false,
	 "the client is known but not mapped to a background user at this site"},
	{NULL, ERR_NONE, false, NULL},
};

/* "EPI" is the usual label of the record number's identifier type; its OID differs per site, but always ends alike. */
static bool is_epi(const struct json *identifier)
{
	return str_is(json_get_str(json_get(identifier, S("type")), S("text")), "EPI");
}

static bool is_record_number(const struct json *identifier)
{
	struct str system = json_get_str(identifier, S("system"));
	return str_starts(system, S("urn:oid:1.2.840.114350.1.13.")) && str_ends(system, S(".7.5.737384.14"));
}

static struct str mrn(const struct json *patient)
{
	struct str found = ehr_identifier(patient, is_epi);
	if (!found.p)
		found = ehr_identifier(patient, is_record_number);
	return found.p ? found : ehr_identifier(patient, ehr_identifier_is_mr);
}

const struct ehr_rules ehr_epic_rules = {
	.name = "epic",
	.label = "Epic",
	.scopes = NULL,
	.older_scopes = NULL,
	.outside = "Outside Record", /* an API of its own; nearly every search warns of it */
	.withdraws = false,
	.queries = queries,
	.codes = codes,
	.mrn = mrn,
};
