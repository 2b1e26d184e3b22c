/* Epic's resource types: interactions and parameters of its CapabilityStatement, what a search needs by probing its
 * public sandbox. */
#include "sandbox/face_priv.h"

#define RULE                                                                                                           \
	{                                                                                                              \
		400, "business-rule", "59159"                                                                          \
	}
#define REQUIRED                                                                                                       \
	{                                                                                                              \
		400, "required", "4111"                                                                                \
	}

const struct face_type epic_types[] = {
	{"AllergyIntolerance",
	 "crs",
	 "patient|_id",
	 "_count _id clinical-status patient",
	 1000,
	 1000,
	 {403, "processing", "59133"}},
	{"Appointment", "rs", "patient|_id", "_count _id date identifier patient service-category status", 1000, 1000,
	 RULE},
	{"Binary", "rs", "_id", "_count _id", 1000, 1000, RULE},
	{"BodyStructure", "crsu", "patient|_id", "_count _id patient", 1000, 1000, RULE},
	{"CarePlan", "rs", "patient|subject|_id",
	 "_count _id activity-date category encounter part-of patient status subject", 1000, 1000, RULE},
	{"CareTeam", "rs", "patient|subject|_id", "_count _id patient status subject", 1000, 1000, RULE},
	{"Communication", "crs", "patient|subject|_id", "_count _id category patient subject", 1000, 1000, RULE},
	{"Condition", "crs", "patient|subject|_id",
	 "_count _id abatement-date category clinical-status code encounter onset-date patient recorded-date subject",
	 1000, 1000, RULE},
	{"Coverage", "rs", "patient|beneficiary|_id", "_count _id beneficiary patient", 1000, 1000, RULE},
	{"Device", "rs", "patient|_id", "_count _id device-name manufacturer model patient type udi-carrier udi-di",
	 1000, 1000, RULE},
	{"DiagnosticReport", "rsu", "patient|subject|_id", "_count _id category code date identifier patient subject",
	 1000, 1000, RULE},
	{"DocumentReference", "crsu", "patient|subject|_id",
	 "_count _id author category date docstatus encounter patient period status subject type _lastUpdated", 1000,
	 1000, REQUIRED},
	{"Encounter", "rs", "patient|subject|identifier|_id",
	 "_count _id class date identifier onlyscannable patient subject", 1000, 1000, RULE},
	{"ExplanationOfBenefit", "rs", "patient|_id", "_count _id created patient", 1000, 1000, RULE},
	{"Flag", "rs", "patient|subject|_id",
	 "_count _id category encounter patient status subject author date identifier", 1000, 1000, RULE},
	{"Goal", "rs", "patient|subject|_id", "_count _id category lifecycle-status patient start-date subject", 1000,
	 1000, RULE},
	{"Group", "rs", "_id", "_count _id", 1000, 1000, RULE},
	{"Immunization", "rs", "patient|_id", "_count _id date patient status", 1000, 1000, RULE},
	{"Location", "rs", "_id", "_count _id", 1000, 1000, RULE},
	{"Medication", "rs", "_id", "_count _id", 1000, 1000, RULE},
	{"MedicationRequest", "rs", "patient|subject|_id", "_count _id category date intent patient status subject",
	 1000, 1000, RULE},
	{"Observation", "crsu", "patient+category|patient+code|subject+category|subject+code|_id",
	 "_count _id based-on category code date focus issued patient subject", 1000, 1000, RULE, REQUIRED},
	{"Organization", "rs", "_id", "_count _id", 1000, 1000, RULE},
	{"Patient", "crs", "_id|identifier|family+given+birthdate|name+birthdate",
	 "_count _id address address-city address-postalcode address-state birthdate family gender given identifier "
	 "legal-sex name own-name own-prefix partner-name partner-prefix telecom",
	 1000, 1000, RULE},
	{"Practitioner", "rs", "_id|identifier|name|family",
	 "_count _id address address-city address-postalcode address-state family given identifier name", 1000, 1000,
	 RULE},
	{"PractitionerRole", "rs", "_id|identifier|practitioner|organization",
	 "_count _id email identifier location organization phone practitioner role specialty telecom", 1000, 1000,
	 RULE},
	{"Procedure", "crsu", "patient|subject|_id", "_count _id category code date identifier patient subject", 1000,
	 1000, REQUIRED},
	{"ServiceRequest", "crsu", "patient|subject|encounter|identifier|requester|_id",
	 "_count _id authored category code encounter identifier onlyscannable patient requester status subject", 1000,
	 1000, RULE},
	{"Specimen", "rs", "_id", "_count _id", 1000, 1000, RULE},
	{NULL},
};
