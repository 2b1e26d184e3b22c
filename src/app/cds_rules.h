/* The CDS services that a site wrote: files of a directory, or one file. */
#ifndef FIRTH_APP_CDS_RULES_H
#define FIRTH_APP_CDS_RULES_H

#include "base/arena.h"
#include "rule/rule.h"
#include "terminology/terminology.h"

#define CDS_RULE_FILE_MAX     (16 << 20)
#define CDS_RULE_SERVICES_MAX 500

struct cds_rules {
	struct arena arena; /* of all that is compiled */
	struct rule_library library;
	struct terminology *terminology; /* of the caller, for value sets that no file lists; may be NULL */
	const struct canonicals *canonicals; /* where canonical resources beside the files are found; may be NULL */
	struct str vocabulary; /* a directory in which files that services name are looked for first; may be empty */
	const struct rule_service **services;
	struct str *files; /* of the services, in the same order */
	size_t count, capacity;
	struct str *canonical_files; /* JSON resources in the directory, by url */
	const struct json **canonical_resources;
	size_t canonical_count, canonical_capacity;
};

void cds_rules_init(struct cds_rules *r, struct terminology *t, const struct canonicals *c);
void cds_rules_done(struct cds_rules *r);
/* Compiles one file. Errors begin with "FILE:LINE:COLUMN: ". */
bool cds_rules_file(struct cds_rules *r, struct str path, struct error *err) MUST_USE;
/* Every *.yaml, *.yml and *.json directly in the directory that is a service or a PlanDefinition, by name; other
 * resources in JSON there are what PlanDefinitions may refer to. Two services with one id are refused. */
bool cds_rules_directory(struct cds_rules *r, struct str path, struct error *err) MUST_USE;
/* Runs a service over a request as an EHR would send it, with the prefetch that is in it and nothing else. */
bool cds_rules_try(const struct rule_service *service, struct arena *a, const struct json *request, int64_t now_ms,
		   struct rule_result *ret_result, struct error *err) MUST_USE;

#endif
