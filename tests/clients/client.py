"""The Python clients fhirclient (SMART) and fhirpy against a running server: client.py BASE

Each line is something an application does with them; the first that goes wrong ends the run with its trace.
"""
import asyncio
import sys
import uuid

import fhirclient.models.bundle as bundle
import fhirclient.models.observation as observation
import fhirclient.models.patient as patient
from fhirclient import client
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, OperationOutcome, ResourceNotFound

base = sys.argv[1]
mark = uuid.uuid4().hex
count = 0


def check(ok, what):
    global count
    assert ok, what
    count += 1


def smart():
    server = client.FHIRClient(settings={"app_id": "test", "api_base": base}).server
    check(server.capabilityStatement.fhirVersion == "4.0.1", "metadata is understood")
    p = patient.Patient({"name": [{"family": "M\u00fcller-" + mark, "given": ["Zo\u00eb"]}], "birthDate": "1980-02-03",
                         "identifier": [{"system": "urn:mark", "value": mark}]})
    created = p.create(server)
    check(created and created["id"], "create")
    again = patient.Patient.read(created["id"], server)
    check(again.name[0].family == "M\u00fcller-" + mark and again.birthDate.isostring == "1980-02-03", "read")
    again.active = True
    check(again.update(server)["meta"]["versionId"] == "2", "update")
    for number in range(25):
        o = observation.Observation({"status": "final", "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
                                     "subject": {"reference": "Patient/" + created["id"]},
                                     "effectiveDateTime": "2024-05-%02dT10:00:00+02:00" % (number + 1),
                                     "valueQuantity": {"value": 36 + number / 10, "system": "http://unitsofmeasure.org",
                                                       "code": "Cel"}})
        o.create(server)
    search = observation.Observation.where(struct={"subject": "Patient/" + created["id"], "_count": "10",
                                                   "date": {"$and": ["ge2024-05-03", "lt2024-05-24"]}})
    found = search.perform_resources(server)
    check(len(found) == 21, "search, all pages: %d" % len(found))
    check(len(list(search.perform_iter(server))) == 3, "three pages")
    found = patient.Patient.where(struct={"family": "muller-" + mark}).include("general-practitioner").perform(server)
    check(found.total is None or found.total == 1, "search gives a bundle")
    t = bundle.Bundle({"type": "transaction", "entry": [
        {"fullUrl": "urn:uuid:" + str(uuid.uuid4()), "resource": {"resourceType": "Patient", "active": False},
         "request": {"method": "POST", "url": "Patient"}}]})
    answer = bundle.Bundle(server.post_json("", t.as_json()).json())
    check(answer.entry[0].response.status.startswith("201"), "transaction")
    check(again.delete(server) is None, "delete")
    try:
        patient.Patient.read(created["id"], server)
        check(False, "deleted")
    except Exception as e:
        check("410" in str(getattr(getattr(e, "response", e), "status_code", e)), "read of what is deleted: %r" % e)


def plain():
    # count() adds a parameter of another server (_totalMethod), which is only passed over when asked to be lenient.
    c = SyncFHIRClient(base, extra_headers={"Prefer": "handling=lenient"})
    p = c.resource("Patient", name=[{"family": "P" + mark}], identifier=[{"system": "urn:py", "value": mark}])
    p.save()
    check(p.id, "create")
    p["active"] = True
    p.save()
    try:
        p.patch(gender="female")
        check(False, "a merge patch, which FHIR does not have")
    except OperationOutcome as e:
        check("JSON Patch" in str(e), "a merge patch is refused and told why")
    p["gender"] = "female"
    p.save()
    check(c.reference("Patient", p.id).to_resource()["gender"] == "female", "update")
    check(c.resources("Patient").search(identifier="urn:py|" + mark).get().id == p.id, "search for one")
    check(c.resources("Patient").search(family__exact="P" + mark).count() == 1, "count")
    check(c.resources("Patient").search(name__contains=mark[3:9]).first() is not None, "first")
    for number in range(12):
        c.resource("Encounter", status="planned", **{"class": {"code": "AMB"}}, subject=p.to_reference()).save()
    encounters = c.resources("Encounter").search(patient=p.id).limit(5)
    check(len(encounters.fetch_all()) == 12, "fetch_all")
    check(len(encounters.fetch()) == 5, "fetch")
    page = c.resources("Encounter").search(patient=p.id).include("Encounter", "subject").limit(3).fetch_raw()
    check(sum(e["resource"]["resourceType"] == "Patient" for e in page["entry"]) == 1, "include")
    check(c.resources("Patient").has("Encounter", "patient", status="planned").search(_id=p.id).count() == 1, "_has")
    check(c.resources("Encounter").search(patient=p.id).sort("-_lastUpdated").limit(1).first() is not None, "sorted")
    try:
        c.resources("Patient").search(identifier="urn:py|" + mark).get_or_create(
            c.resource("Patient", identifier=[{"system": "urn:py", "value": mark}]))
        check(False, "a condition in the URL of a create, which FHIR does not have")
    except OperationOutcome as e:
        check("If-None-Exist" in str(e), "a condition in the URL of a create is refused and told why")
    check(p.is_valid(), "$validate")
    check(not c.resource("Patient", gender="x").is_valid(), "$validate of what is wrong")
    everything = p.execute("$everything", method="get")
    check(len(everything["entry"]) == 13, "$everything: %d" % len(everything["entry"]))
    p.delete()
    try:
        c.reference("Patient", p.id).to_resource()
        check(False, "deleted")
    except (ResourceNotFound, OperationOutcome):
        check(True, "deleted")
    try:
        SyncFHIRClient(base).resources("Patient").search(favourite="blue").fetch()
        check(False, "an unknown parameter")
    except OperationOutcome as e:
        check("favourite" in str(e), "an unknown parameter is an outcome")


async def at_once():
    c = AsyncFHIRClient(base, extra_headers={"Prefer": "handling=lenient"})
    people = await asyncio.gather(*[c.resource("Patient", name=[{"family": "A" + mark}]).save() for _ in range(20)])
    found = await c.resources("Patient").search(family="A" + mark).limit(6).fetch_all()
    check(len(found) == 20, "twenty at once: %d" % len(found))
    for number, p in enumerate(found[:5]):
        await p.delete()
    check(await c.resources("Patient").search(family="A" + mark).count() == 15, "after five are deleted")


smart()
plain()
asyncio.run(at_once())
print("%d passed" % count)
