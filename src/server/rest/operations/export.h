/*
 * $export of Bulk Data Access (http://hl7.org/fhir/uv/bulkdata/export.html), this room's half: what is asked for, and
 * the walk over it as lines. Files, manifest and the job are made by whoever rest_options.export names.
 */
#ifndef FIRTH_SERVER_REST_OPERATIONS_EXPORT_H
#define FIRTH_SERVER_REST_OPERATIONS_EXPORT_H

#include "base/map.h"
#include "server/rest/operations/operations.h"

enum export_level { EXPORT_SYSTEM, EXPORT_PATIENTS, EXPORT_GROUP };

/* Which resources of a type. */
enum export_reach {
	EXPORT_WHOLE, /* all that the caller may see */
	EXPORT_MEMBERS, /* what is in the compartment of a patient */
	EXPORT_CONTEXT, /* what others refer to */
	EXPORT_ITSELF /* the Group of the URL */
};

struct export_type {
	const struct fhir_type *type;
	enum export_reach reach;
	bool named; /* by _type */
	struct criterion *filters; /* _typeFilter: one of these; 0: any */
	size_t filter_count;
	const struct rest_view *view; /* _elements; NULL: whole */
	/* EXPORT_CONTEXT: ids that were met, in the order of meeting. */
	struct map met;
	struct str *ids;
	size_t id_count, id_capacity, done;
	bool overflown; /* more than are remembered */
};

struct rest_export {
	struct rest_call *call; /* of an exchange of its own, with the caller's rights */
	enum export_level level;
	struct export_type *types;
	size_t type_count, type_capacity;
	struct str *patients; /* of a Group, or named */
	size_t patient_count, patient_capacity, chosen;
	bool subset; /* the parameter patient was given; without it, and without a Group, all patients are meant */
	struct map members; /* of the Group: 1 for those that were named; or those named */
	struct str request; /* the URL of the kick-off */
	struct str since, until; /* STR_NULL: not given */
	int64_t since_ms, until_ms;
	int64_t snapshot, time_ms; /* of the walk */
};

/* Everything that was asked for into e, whose call is there. */
bool export_plan(struct rest_export *e, struct error *err) MUST_USE;
struct export_type *export_find_type(const struct rest_export *e, struct str name);

#endif
