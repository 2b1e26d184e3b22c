/* Cerner's resource types: interactions, needs and page sizes of its documentation and CapabilityStatement. */
#include "sandbox/face_priv.h"

#define INVALID                                                                                                        \
	{                                                                                                              \
		400, "invalid", NULL                                                                                   \
	}

const struct face_type cerner_types[] = {
	{"AllergyIntolerance", "crsu", "_id|patient", "_id _count _revinclude patient clinical-status _lastUpdated", 0,
	 0, INVALID},
	{"Appointment", "crs", "_id|patient+date|practitioner+date|location+date",
	 "_id _count _revinclude patient date location practitioner status", 20, 100, INVALID},
	{"Binary", "r", "_id", "_id", 0, 0, INVALID},
	{"CarePlan", "rs", "_id|patient+category", "_id _count _revinclude patient category date", 0, 0, INVALID},
	{"CareTeam", "rs", "_id|patient|encounter", "_id _count _revinclude patient category encounter status", 0, 0,
	 INVALID},
	{"Condition", "crsu", "_id|patient|subject",
	 "_id _count _revinclude patient category clinical-status encounter subject _lastUpdated", 0, 0, INVALID},
	{"Coverage", "crs", "_id|patient", "_id _count _revinclude patient", 0, 0, INVALID},
	{"Device", "rs", "_id|patient", "_id _count _revinclude patient type", 0, 0, INVALID},
	{"DiagnosticReport", "crs", "_id|patient",
	 "_id _count _revinclude patient category code date encounter _lastUpdated", 10, 100, INVALID},
	{"DocumentReference", "crsu", "_id|patient",
	 "_id _count _revinclude patient category date encounter period type _lastUpdated", 10, 100, INVALID},
	{"Encounter", "crs", "_id|patient|subject|account|identifier",
	 "_id _count _revinclude patient account date identifier status subject _lastUpdated", 10, 100, INVALID},
	{"FamilyMemberHistory", "crsu", "_id|patient", "_id _count _revinclude patient status", 0, 0, INVALID},
	{"Goal", "rs", "_id|patient", "_id _count _revinclude patient target-date", 0, 0, INVALID},
	{"Group", "rs", "_id", "_id _count _revinclude", 20, 100, INVALID},
	{"Immunization", "crsu", "_id|patient", "_id _count _revinclude patient date target-disease _lastUpdated", 0, 0,
	 INVALID},
	{"Location", "rs", "_id|type|identifier|name|organization|address",
	 "_id _count _revinclude address identifier name organization type", 100, 100, INVALID},
	{"MedicationRequest", "crs", "_id|patient", "_id _count _revinclude patient intent status _lastUpdated", 25,
	 100, INVALID},
	{"Observation", "crsu", "_id|patient|subject",
	 "_id _count _revinclude patient category code date subject _lastUpdated", 50, 200, INVALID},
	{"Organization", "crs", "_id|identifier|type|name|address",
	 "_id _count _revinclude address identifier name type", 100, 100, INVALID},
	{"Patient", "crs", "_id|identifier|name|family|given|birthdate|phone|email|address-postalcode",
	 "_id _count _revinclude address-postalcode birthdate email family gender given identifier name phone", 20, 100,
	 INVALID},
	{"Practitioner", "crs", "_id|identifier|name|family|given",
	 "_id _count _revinclude active family given identifier name", 20, 100, INVALID},
	{"Procedure", "crs", "_id|patient|subject", "_id _count _revinclude patient date subject _lastUpdated", 0, 0,
	 INVALID},
	{"Provenance", "crs", "_id|target", "_id _count _revinclude target", 0, 0, INVALID},
	{"RelatedPerson", "crs", "_id|patient", "_id _count _revinclude patient", 0, 0, INVALID},
	{"ServiceRequest", "rs", "_id|patient|subject", "_id _count _revinclude patient code subject _lastUpdated", 0,
	 0, INVALID},
	{NULL},
};
