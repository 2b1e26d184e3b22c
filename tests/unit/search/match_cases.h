/*
 * Does a resource match a query? One table over every parameter type, prefix and modifier: the cases that the plain
 * matcher and every store are held to.
 */
#ifndef FIRTH_TEST_MATCH_CASES_H
#define FIRTH_TEST_MATCH_CASES_H

#include "search/search.h"

struct match_example {
	const char *query;
	bool matches;
};

struct match_group {
	const char *resource;
	const struct match_example *examples; /* ends with a NULL query */
};

/* Every resource has the id r1 and was last updated at MATCH_NOON; ap measures dates from MATCH_NOW, http://me/fhir is
 * our own base. */
static const int64_t MATCH_NOON = 1584187200000; /* 2020-03-14T12:00:00Z */
static const int64_t MATCH_NOW = 1704067200000; /* 2024-01-01T00:00:00Z */

static const struct match_group match_groups[] = {
	{"{\"resourceType\":\"Patient\",\"active\":true,\"gender\":\"female\",\"birthDate\":\"1970-03-30\","
	 "\"name\":[{\"family\":\"M\\u00fcller, Jr\",\"given\":[\"Anna\",\"Mar\\u00eda\"]}],"
	 "\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"77|8\"},{\"value\":\"bare\"}],"
	 "\"managingOrganization\":{\"reference\":\"Organization/o1\"},"
	 "\"generalPractitioner\":[{\"reference\":\"Practitioner/x\"},{\"reference\":\"http://far/fhir/Organization/"
	 "x\"}]}",
	 (const struct match_example[]){{"", true},
					/* string: starts with, folded */
					{"family=m", true},
					{"family=MULLER", true},
					{"family=M%C3%BCller", true},
					{"family=ller", false},
					{"family=muller%20jr", true},
					{"family=muller+jr", true},
					{"family=M%C3%BCller%5C,+Jr", true},
					{"family=smith,mull", true},
					{"family=smith&given=anna", false},
					{"given=anna&given=maria", true},
					{"given=anna&given=peter", false},
					{"name=maria", true},
					{"family:contains=ller", true},
					{"family:contains=JR", true},
					{"family:contains=xx", false},
					{"family:exact=M%C3%BCller%5C,+Jr", true},
					{"family:exact=M%C3%BCller", false},
					{"family:exact=m%C3%BCller%5C,+Jr", false},
					{"family:exact=muller%5C,+jr", false},
					{"family:missing=false", true},
					{"family:missing=true", false},
					{"family:missing=true,false", true},
					{"address:missing=true", true},
					/* token */
					{"gender=female", true},
					{"gender=Female", false},
					{"gender=male,female", true},
					{"gender=http://hl7.org/fhir/administrative-gender%7Cfemale", true},
					{"gender=http://other%7Cfemale", false},
					{"gender=%7Cfemale", false},
					{"gender:not=male", true},
					{"gender:not=female", false},
					{"gender:not=male,female", false},
					{"language:not=de", true},
					{"active=true", true},
					{"active=false", false},
					{"deceased=false", true},
					{"identifier=77%5C%7C8", true},
					{"identifier=urn:mrn%7C77%5C%7C8", true},
					{"identifier=urn:mrn%7C", true},
					{"identifier=urn:other%7C", false},
					{"identifier=%7Cbare", true},
					{"identifier=%7C77%5C%7C8", false},
					{"identifier=urn:mrn%7Cbare", false},
					{"identifier:not=bare", false},
					/* reference */
					{"organization=o1", true},
					{"organization=Organization/o1", true},
					{"organization=http://me/fhir/Organization/o1", true},
					{"organization=http://far/fhir/Organization/o1", false},
					{"organization:Organization=o1", true},
					{"organization=o2", false},
					{"general-practitioner=x", true},
					{"general-practitioner=Organization/x", false},
					{"general-practitioner:Practitioner=x", true},
					{"general-practitioner:Organization=x", false},
					{"general-practitioner=http://far/fhir/Organization/x", true},
					{"general-practitioner:missing=true", false},
					{"link:missing=true", true},
					/* date of a day */
					{"birthdate=1970-03-30", true},
					{"birthdate=1970-03", true},
					{"birthdate=1970", true},
					{"birthdate=eq1970", true},
					{"birthdate=1970-03-30T00:00:00Z", false},
					{"birthdate=ne1970-03-30", false},
					{"birthdate=ne1970-03-31", true},
					{"birthdate=gt1970-03-29", true},
					{"birthdate=gt1970-03-30", false},
					{"birthdate=gt1970", false},
					{"birthdate=ge1970-03-30", true},
					{"birthdate=ge1970", true},
					{"birthdate=ge1971", false},
					{"birthdate=lt1970-03-31", true},
					{"birthdate=lt1970-03-30", false},
					{"birthdate=le1970-03-30", true},
					{"birthdate=le1969", false},
					{"birthdate=sa1970-03-29", true},
					{"birthdate=sa1970-03", false},
					{"birthdate=eb1970-04", true},
					{"birthdate=eb1970-03-30", false},
					{"birthdate=ap1972", true},
					{"birthdate=ap1990", false},
					{"death-date=ne1970", false},
					{"birthdate=ge1970-01-01&birthdate=lt1971-01-01", true},
					{"birthdate=ge1970-01-01&birthdate=lt1970-02-01", false},
					/* _id, _lastUpdated */
					{"_id=r1", true},
					{"_id=r2,r1", true},
					{"_id=r2", false},
					{"_lastUpdated=2020-03-14", true},
					{"_lastUpdated=gt2020-03-14", false},
					{"_lastUpdated=gt2020-03-14T11:59:59Z", true},
					{"_lastUpdated=ge2020-03-14T14:00:00%2B02:00", true},
					{"_lastUpdated=ge2020-03-14T14:00:00+02:00", true},
					{"_lastUpdated=lt2020-03-14T12:00:00Z", false},
					{NULL, false}}},
	{"{\"resourceType\":\"Observation\",\"status\":\"final\",\"effectivePeriod\":{\"start\":\"2020-02-10\",\"end\":"
	 "\"2020-03-10\"},\"valueQuantity\":{\"value\":5.40,\"unit\":\"milligram\",\"system\":\"http://"
	 "u\",\"code\":\"mg\"},"
	 "\"component\":[{\"valueQuantity\":{\"value\":120}}],"
	 "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"1-8\"},{\"code\":\"x,y\"}]}}",
	 (const struct match_example[]){/* quantity and its units */
					{"value-quantity=5.4", true},
					{"value-quantity=5", true},
					{"value-quantity=5.41", false},
					{"value-quantity=5.4%7Chttp://u%7Cmg", true},
					{"value-quantity=5.4%7Chttp://u%7C", true},
					{"value-quantity=5.4%7Chttp://v%7Cmg", false},
					{"value-quantity=5.4%7C%7Cmg", true},
					{"value-quantity=5.4%7C%7Cmilligram", true},
					{"value-quantity=5.4%7Chttp://u%7Cmilligram", false},
					{"value-quantity=5.4%7C%7Ckg", false},
					{"value-quantity=ne5.4", false},
					{"value-quantity=ne6", true},
					{"value-quantity=gt5.4", false},
					{"value-quantity=gt5.39", true},
					{"value-quantity=ge5.4", true},
					{"value-quantity=lt5.4", false},
					{"value-quantity=lt5.5", true},
					{"value-quantity=le5.4", true},
					{"value-quantity=sa5", true},
					{"value-quantity=sa5.4", false},
					{"value-quantity=eb6", true},
					{"value-quantity=eb5.4", false},
					{"value-quantity=ap5.7", true},
					{"value-quantity=ap6.1", false},
					{"value-quantity=lt1,gt5", true},
					{"component-value-quantity=1.2e2", true},
					{"component-value-quantity=100", false},
					{"component-value-quantity=1.3e2", false},
					{"combo-value-quantity=120", true},
					/* a period across a month's border */
					{"date=2020-02", false},
					{"date=2020", true},
					{"date=ge2020-02", true},
					{"date=gt2020-02", true},
					{"date=gt2020-03", false},
					{"date=ge2020-03", false},
					{"date=lt2020-03", true},
					{"date=lt2020-02", false},
					{"date=le2020-02", false},
					{"date=sa2020-01", true},
					{"date=sa2020-02", false},
					{"date=eb2020-04", true},
					{"date=eb2020-03", false},
					{"date=ap2020-03", true},
					{"date=ap2015", false},
					{"date=2019,2020", true},
					{"date:missing=true", false},
					/* token */
					{"code=1-8", true},
					{"code=http://loinc.org%7C1-8", true},
					{"code=http://loinc.org%7C", true},
					{"code=%7C1-8", false},
					{"code=x%5C,y", true},
					{"code=x,y", false},
					{"code:not=1-8", false},
					{"category:missing=true", true},
					{"category:not=1-8", true},
					{"status=final&code=1-8&value-quantity=gt5", true},
					{NULL, false}}},
	{"{\"resourceType\":\"RiskAssessment\",\"status\":\"final\",\"prediction\":[{\"probabilityDecimal\":0.25}]}",
	 (const struct match_example[]){{"probability=0.25", true},
					{"probability=0.2", false},
					{"probability=0.24", false},
					{"probability=gt0.25", false},
					{"probability=ge0.25", true},
					{"probability=lt0.3", true},
					{"probability=ap0.24", true},
					{"probability=-0.25", false},
					{NULL, false}}},
	{"{\"resourceType\":\"Condition\",\"onsetRange\":{\"low\":{\"value\":40},\"high\":{\"value\":50}},"
	 "\"subject\":{\"reference\":\"Patient/1\"}}",
	 (const struct match_example[]){{"onset-age=40", false},
					{"onset-age=gt45", true},
					{"onset-age=gt50", false},
					{"onset-age=ge50", true},
					{"onset-age=lt45", true},
					{"onset-age=lt40", false},
					{"onset-age=sa39", true},
					{"onset-age=sa45", false},
					{"onset-age=eb51", true},
					{"onset-age=ap54", true},
					{"onset-age=ap60", false},
					{NULL, false}}},
	{"{\"resourceType\":\"ValueSet\",\"url\":\"http://x/vs\",\"status\":\"draft\",\"meta\":{\"profile\":[\"http://"
	 "p|2\"]}}",
	 (const struct match_example[]){{"url=http://x/vs", true},
					{"url=http://x/VS", false},
					{"url=http://x/", false},
					{"url:missing=false", true},
					{"_profile=http://p", true},
					{"_profile=http://p%5C%7C2", true},
					{"_profile=http://p%5C%7C3", false},
					{NULL, false}}},
};

#endif
