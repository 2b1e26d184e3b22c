"""Microsoft's FHIR server test files, as its end-to-end tests use them: usage: microsoft.py FIRTH DIRECTORY

Every file is posted as it is (with its byte order mark): those for R4 are kept and read back, those that are wrong on
purpose are refused. Then the questions of the end-to-end tests: tokens, strings with accents, dates, numbers,
quantities, composites, chains, includes, _has, sorting, on the files and on resources made as those tests make them.
"""
import json
import os
import re
import sys
import urllib.parse

from world import Server, World, check, done, instant, search

KEPT_OUT = {  # why a file is not a resource of R4 that a server may keep
    "AuditEvent": "this server writes its audit itself",
    "CompositeCustom%Stu3": "STU3",
    "InvalidObservation": "wrong on purpose",
    "LegacyRawReindexJobRecord": "no resource",
    "MoneyWithWrongDecimal": "no resource",
    "Observation-For-Patient-f001": "an object where a list goes",
    "ObservationWithBloodPressure": "STU3",
    "ObservationWithNoCode": "wrong on purpose",
    "ObservationWithTemperature": "STU3",
    "Patient": "an instant without a zone",
    "PatientWithUnknownElements": "wrong on purpose",
    "ProvenanceHeader": "no target",
    "SearchParameterInvalidBase": "wrong on purpose",
    "SearchParameterInvalidType": "wrong on purpose",
    "StructureDefinition-us-core-patient-v6": "a narrative without div",
    "TokenOverflowChargeItem": "STU3",
    "WeightInGrams": "a narrative without div",
    "ResourceWrapperNoVersion": "no resource",
    "auditevent-example": "this server writes its audit itself",
    "medicinalproductcontraindication-questionnaire": "items without linkId",
    "practitionerrole-questionnaire": "items without linkId",
    "specimendefinition-questionnaire": "items without linkId",
    "plandefinition-example": "XHTML with entities that are none",
}

PARAMS = {
    "Resource": {"_tag": ("token", ["meta.tag"])},
    "Patient": {"family": ("string", ["name.family"]), "given": ("string", ["name.given"]), "name": ("string", ["name"]),
                "address-city": ("string", ["address.city"]), "address": ("string", ["address"]),
                "birthdate": ("date", ["birthDate"]), "gender": ("token", ["gender"]),
                "identifier": ("token", ["identifier"]), "active": ("token", ["active"]),
                "organization": ("reference", ["managingOrganization"]),
                "general-practitioner": ("reference", ["generalPractitioner"])},
    "Practitioner": {"given": ("string", ["name.given"]), "family": ("string", ["name.family"]),
                     "name": ("string", ["name"]), "address-state": ("string", ["address.state"])},
    "Organization": {"name": ("string", ["name", "alias"]), "identifier": ("token", ["identifier"]),
                     "partof": ("reference", ["partOf"]), "address-city": ("string", ["address.city"])},
    "Encounter": {"status": ("token", ["status"]), "subject": ("reference", ["subject"]), "class": ("token", ["class"]),
                  "patient": ("reference", ["subject"])},
    "Observation": {"status": ("token", ["status"]), "code": ("token", ["code"]), "subject": ("reference", ["subject"]),
                    "patient": ("reference", ["subject"]), "date": ("date", ["effectiveDateTime", "effectivePeriod"]),
                    "value-quantity": ("quantity", ["valueQuantity"]), "category": ("token", ["category"]),
                    "value-concept": ("token", ["valueCodeableConcept"]),
                    "value-string": ("string", ["valueString"]), "performer": ("reference", ["performer"])},
    "DiagnosticReport": {"status": ("token", ["status"]), "code": ("token", ["code"]), "result": ("reference", ["result"]),
                         "subject": ("reference", ["subject"]), "patient": ("reference", ["subject"])},
    "Location": {"organization": ("reference", ["managingOrganization"])},
    "CareTeam": {"patient": ("reference", ["subject"]), "participant": ("reference", ["participant.member"])},
}


def load(path):
    with open(path, "rb") as f:
        return json.loads(f.read().decode("utf-8-sig"))


def kept_out(name):
    stem = name.rsplit(".", 1)[0]
    return stem in KEPT_OUT or (stem.startswith("CompositeCustom") and stem.endswith("Stu3"))


# ---- each file ----------------------------------------------------------------------------------------------------


def post_files(server, directory):
    for part in ("R4", "Normative"):
        if not os.path.isdir(os.path.join(directory, part)):
            continue
        for name in sorted(os.listdir(os.path.join(directory, part))):
            path = os.path.join(directory, part, name)
            if name.endswith(".xml"):
                post_xml(server, path)
            elif name.endswith(".json") and not name.endswith(".indexes.json"):
                post_json(server, path)


def post_json(server, path):
    resource = load(path)
    kind, name = resource.get("resourceType"), os.path.basename(path)
    if kind == "Bundle" and resource.get("type") in ("batch", "transaction", None):
        return
    with open(path, "rb") as f:
        status, fields, answer = server.ask("POST", str(kind), f.read(), {"Content-Type": "application/fhir+json"})
    if kept_out(name):
        check(400 <= status < 500 and answer["resourceType"] == "OperationOutcome", "%s is refused: %s" % (name, status))
        return
    if not check(status == 201, "%s is kept: %s %s" % (name, status, json.dumps(answer)[:200])):
        return
    status, _, back = server.ask("GET", "%s/%s" % (kind, answer["id"]))
    leave = lambda r: {k: v for k, v in r.items() if k not in ("id", "meta")}
    check(status == 200 and leave(back) == leave(resource), "%s comes back as it was" % name)
    status, _, xml = server.ask("GET", "%s/%s" % (kind, answer["id"]), None, {"Accept": "application/fhir+xml"})
    check(status == 200 and ("<" + kind).encode() in xml, "%s in XML" % name)
    again = server.ask("PUT", "%s/%s" % (kind, answer["id"]), xml, {"Content-Type": "application/fhir+xml"})
    own = ' xmlns="http://www.w3.org/1999/xhtml"'
    plain = lambda r: json.loads(json.dumps(leave(r)).replace(json.dumps(own)[1:-1], ""))
    check(again[0] == 200 and plain(again[2]) == plain(resource), "%s in XML is the same resource" % name)


def post_xml(server, path):
    with open(path, "rb") as f:
        raw = f.read()
    kind = re.search(rb"<([A-Z]\w+)[\s>]", raw).group(1).decode()
    status, _, answer = server.ask("POST", kind, raw, {"Content-Type": "application/fhir+xml"})
    name = os.path.basename(path)
    wanted = 400 if name == "ObservationWithNoCode.xml" else 201
    check(status == wanted, "%s in XML: %s" % (name, status))


# ---- what their server finds a resource by ------------------------------------------------------------------------


def ask_indexes(server, directory):
    """The index entries that their server makes of a resource are questions that have to find it."""
    for name in sorted(os.listdir(os.path.join(directory, "R4"))):
        if not name.endswith(".indexes.json"):
            continue
        resource = load(os.path.join(directory, "R4", name.replace(".indexes.json", ".json")))
        status, _, answer = server.ask("PUT", "%(resourceType)s/%(id)s" % resource, resource)
        check(status in (200, 201), "%s is kept: %s" % (name, status))
        for index in load(os.path.join(directory, "R4", name)):
            asked = question_of(index["type"], index["value"])
            if not asked:
                continue
            query = urllib.parse.urlencode([(index["code"], asked)])
            matches, _, _ = server.pages(resource["resourceType"] + "?" + query)
            check(matches is not None and any(m["id"] == resource["id"] for m in matches),
                  "%s is found by %s" % (name, urllib.parse.unquote(query)))


def escape(text):
    for c in "\\,|$":
        text = text.replace(c, "\\" + c)
    return text


def question_of(kind, value):
    if kind == "Token" and value.get("code"):
        return (escape(value["system"]) + "|" if value.get("system") else "") + escape(value["code"])
    if kind == "Reference" and value.get("resourceId"):
        return (value["resourceType"] + "/" if value.get("resourceType") else "") + value["resourceId"]
    if kind == "Date":
        return "ge" + value["start"]
    if kind == "String":
        return escape(value["string"])
    if kind == "Uri":
        return value["uri"]
    return None


# ---- their end-to-end questions -----------------------------------------------------------------------------------


def lists(resource):
    """Their parser takes an object for a list with one; FHIR does not."""
    for name in ("generalPractitioner", "result"):
        if isinstance(resource.get(name), dict):
            resource[name] = [resource[name]]
    return resource


def put(server, world, resource):
    status, fields, answer = server.ask("PUT" if "id" in resource else "POST", resource["resourceType"] +
                                        ("/" + resource["id"] if "id" in resource else ""), resource)
    if check(status in (200, 201), "%s: %s %s" % (resource["resourceType"], status, json.dumps(answer)[:200])):
        resource["id"] = fields["location"].split("/")[-3] if "location" in fields else resource["id"]
        world.put(resource)


def made(server, world):
    """Resources as the end-to-end tests make them."""
    person = lambda id, **more: put(server, world, {"resourceType": "Patient", "id": id, **more})
    person("s1", address=[{"city": "Seattle"}], name=[{"family": "Smith", "given": ["Bea"]}], birthDate="1982")
    person("s2", address=[{"city": "Portland"}], name=[{"family": "Williams"}], birthDate="1982-01")
    person("s3", address=[{"city": "Vancouver"}], name=[{"family": "Anderson"}], birthDate="1982-01-23")
    person("s4", address=[{"city": "L\u00f6rrach"}], name=[{"family": "Murphy"}], gender="other")
    person("s5", address=[{"city": "Lorem ipsum dolor sit amet " * 20}], name=[{"family": "Richard"}])
    person("s6", address=[{"city": "a,b\\c$d|e"}], name=[{"family": "Muller"}])
    person("s7", address=[{"city": "Nord-S\u00fcd"}], name=[{"family": "M\u00fcller"}], active=False)
    person("s8", name=[{"text": "Chlo\u00e9 d'Arc"}], identifier=[{"system": "urn:a", "value": "x"}, {"value": "x|y"}])
    organization = lambda id, **more: put(server, world, {"resourceType": "Organization", "id": id, **more})
    organization("ms", name="Microsoft", address=[{"city": "Seattle"}])
    organization("gh", name="GitHub", partOf={"reference": "Organization/ms"})
    organization("dev", name="Developers", partOf={"reference": "Organization/gh"})
    person("adams", name=[{"family": "Adams"}], managingOrganization={"reference": "Organization/ms"},
           generalPractitioner=[{"reference": "Practitioner/andersen"}])
    person("trueblood", name=[{"family": "Truman"}], managingOrganization={"reference": "Organization/gh"})
    put(server, world, {"resourceType": "Practitioner", "id": "andersen", "name": [{"family": "Andersen"}]})
    put(server, world, {"resourceType": "Location", "id": "hq", "managingOrganization": {"reference": "Organization/ms"}})
    loinc = lambda code: {"coding": [{"system": "http://loinc.org", "code": code}]}
    snomed = lambda code: {"coding": [{"system": "http://snomed.info/sct", "code": code}]}
    times = ["1979-12-31", "1980", "1980-05", "1980-05-11", "1980-05-11T16:32:15", "1980-05-11T16:32:15.500Z",
             "1981-01-01", "1980-05-16T16:32:15Z", "1980-06-01T00:00:00+02:00"]
    for number, time in enumerate(times):
        put(server, world, {"resourceType": "Observation", "id": "date%d" % number, "status": "final",
                            "code": loinc("4548-4" if number % 2 else "2345-7"),
                            "subject": {"reference": "Patient/" + ("adams" if number % 3 else "trueblood")},
                            "effectiveDateTime": time if "T" not in time or time[-1] == "Z" or "+" in time else time + "Z",
                            "performer": [{"reference": "Practitioner/andersen"}]})
    put(server, world, {"resourceType": "Observation", "id": "period", "status": "final", "code": loinc("4548-4"),
                        "effectivePeriod": {"start": "1980-05-16", "end": "1980-05-17"}})
    units = [("0.002", "system1", "unit1"), ("5.0", "system1", "unit1"), ("3.12", "system1", "unit2"),
             ("4.0", "system1", "unit1"), ("5.0", "system2", "unit2"), ("8.95", "system2", "unit1"), ("0.1", None, None)]
    for number, (value, system, code) in enumerate(units):
        quantity = {"value": float(value), **({"system": system, "code": code} if system else {})}
        put(server, world, {"resourceType": "Observation", "id": "amount%d" % number, "status": "final",
                            "code": snomed("429858000" if number % 2 else "443849008"), "valueQuantity": quantity,
                            "subject": {"reference": "Patient/s%d" % (number + 1)}})


QUESTIONS = [
    # strings
    *[("Patient", [("address-city" + m, v)]) for m, v in [
        ("", "seattle"), ("", "SEATTLE"), ("", "Sea"), ("", "sea"), ("", "123"), (":exact", "Seattle"), (":exact", "seattle"),
        (":exact", "Sea"), (":contains", "att"), (":contains", "EAT"), (":contains", "123"), ("", "lorrach"),
        ("", "L\u00f6rrach"), (":exact", "L\u00f6rrach"), (":exact", "Lorrach"), ("", "a\\,b\\\\c\\$d\\|e"),
        ("", "Seattle,Portland"), ("", "nord sud"), (":contains", "s\u00fcd"), ("", "Lorem ipsum dolor"),
        (":contains", "amet lorem"), (":missing", "true"), (":missing", "false")]],
    *[("Patient", [("family" + m, v)]) for m, v in [
        ("", "muller"), ("", "M\u00fcller"), ("", "M\u00dcL"), (":exact", "M\u00fcller"), ("", "smith,Ander"), ("", "chalmers")]],
    *[("Patient", [("name", v)]) for v in ("chloe d arc", "Chlo\u00e9 d'Arc", "bea", "d'arc")],
    *[("Patient", [("given", v)]) for v in ("jon", "Jonathon", "Sarah,jonathon")],
    ("Patient", [("family", "Chalmers"), ("given", "jon"), ("birthdate", "ge1980")]),
    # tokens
    *[("Observation", [(n, v)]) for n, v in [
        ("code", "4548-4"), ("code", "http://loinc.org|4548-4"), ("code", "http://loinc.org|"), ("code", "|4548-4"),
        ("code", "http://snomed.info/sct|443849008,http://loinc.org|2345-7"), ("code:not", "http://loinc.org|4548-4"),
        ("code", "system|527"), ("code", "LOINC|2823-3"), ("status", "amended"), ("status", "final,amended"),
        ("status:not", "final"), ("category:missing", "true")]],
    *[("Patient", [(n, v)]) for n, v in [
        ("active", "true"), ("active", "false"), ("active:not", "true"), ("gender", "female"), ("gender:not", "male,female"),
        ("gender:missing", "true"), ("identifier", "test 1"), ("identifier", "|x"), ("identifier", "urn:a|x"),
        ("identifier", "x\\|y"), ("identifier", "|x\\|y"), ("identifier:missing", "false"), ("birthdate:missing", "true")]],
    # dates
    *[("Observation", [("date", p + v)]) for p in ("", "eq", "ne", "lt", "gt", "le", "ge", "sa", "eb") for v in (
        "1980", "1980-05", "1980-05-11", "1980-05-11T16:32:15Z", "1980-05-11T16:32:15.500Z", "1980-05-16", "1981-01-01",
        "1980-05-11T18:32:15+02:00", "1980-05-31")],
    *[("Patient", [("birthdate", p + v)]) for p in ("", "ne", "lt", "gt", "le", "ge", "sa", "eb") for v in (
        "1982", "1982-01", "1982-01-23", "1987-02-20", "1975")],
    ("Observation", [("date", "ge1980-05"), ("date", "lt1980-05-16")]),
    # quantities
    *[("Observation", [("value-quantity", p + v)]) for p in ("", "ne", "lt", "gt", "le", "ge", "sa", "eb") for v in (
        "5", "5.0", "5.00", "4", "0.002", "2e-3", "9", "5||unit1", "5|system1|unit1", "5|system2|unit2", "4|system1|unit1")],
    # chains
    *[(k, [(n, v)]) for k, n, v in [
        ("Encounter", "subject:Patient.given", "Jon"), ("Encounter", "subject:Patient.given", "jon"),
        ("Encounter", "subject:Patient.given:exact", "jon"), ("Encounter", "patient.birthdate", "lt1980"),
        ("DiagnosticReport", "subject:Patient.given", "Sarah"), ("DiagnosticReport", "result.code", "LOINC|2823-3"),
        ("DiagnosticReport", "result.code", "LOINC|4548-4"), ("DiagnosticReport", "result.subject:Patient.given", "Jon"),
        ("DiagnosticReport", "result.value-quantity", "gt9"), ("Patient", "general-practitioner.address-state", "WA"),
        ("Patient", "general-practitioner:Practitioner.given", "Sarah,janedoe"), ("Observation", "subject.family", "Adams"),
        ("Observation", "patient.organization.name", "Micro"), ("Observation", "patient.organization.partof.name", "Micro"),
        ("Observation", "subject:Patient.organization.address-city", "seattle"), ("Organization", "partof.partof.name", "micro"),
        ("Observation", "patient.general-practitioner:Practitioner.family", "andersen"),
        ("Encounter", "subject:Patient.gender", "male"), ("Encounter", "subject:Patient._id", "searchpatient2"),
        ("Patient", "_has:Observation:patient:code", "4548-4"), ("Patient", "_has:Observation:subject:status", "amended"),
        ("Patient", "_has:Encounter:patient:status", "planned"), ("Patient", "_has:DiagnosticReport:patient:result.code", "LOINC|2823-3"),
        ("Observation", "_has:DiagnosticReport:result:status", "final"),
        ("Organization", "_has:Patient:organization:_has:Observation:patient:code", "2345-7"),
        ("Organization", "_has:Patient:organization:family", "adams"), ("Observation", "patient:Patient._has:Encounter:patient:status", "planned"),
    ]],
    ("Patient", [("_has:Observation:patient:code", "4548-4"), ("_has:Observation:patient:code", "2345-7")]),
]


def ask_pairs(server, resources):
    """Composites: code and value of the same element."""
    for resource in resources:
        for code in resource["code"].get("coding", []):
            quantity, concept, text = (resource.get("value" + n) for n in ("Quantity", "CodeableConcept", "String"))
            of = code["system"] + "|" + code["code"]
            asked = []
            if quantity:
                asked += [("code-value-quantity", "%s$%s|%s|%s" % (of, quantity["value"], quantity["system"], quantity["code"]), True),
                          ("code-value-quantity", "%s$gt%s" % (of, quantity["value"] + 1), False),
                          ("code-value-quantity", "%s$le%s" % (of, quantity["value"]), True),
                          ("combo-code-value-quantity", "%s$%s" % (of, quantity["value"]), True)]
            if text:
                asked += [("code-value-string", "%s$%s" % (of, escape(text)), True),
                          ("code-value-string", "%s$%s" % (of, "no" + escape(text)), False)]
            for other in (concept or {}).get("coding", []):
                asked += [("code-value-concept", "%s$%s" % (of, other["code"]), True)]
            for component in resource.get("component", []):
                first = component["code"]["coding"][0]
                inner = first["system"] + "|" + first["code"]
                for other in component.get("valueCodeableConcept", {}).get("coding", []):
                    asked += [("component-code-value-concept", "%s$%s|%s" % (inner, escape(other["system"]), other["code"]), True)]
                others = [c for c in resource["component"] if c is not component and "valueCodeableConcept" in c]
                mine = {x["code"] for x in component.get("valueCodeableConcept", {}).get("coding", [])}
                for other in others[:1]:
                    for x in other["valueCodeableConcept"]["coding"]:
                        if x["code"] not in mine:
                            asked += [("component-code-value-concept", "%s$%s" % (inner, x["code"]), False)]
            for name, value, wanted in asked:
                matches, _, _ = server.pages("Observation?" + urllib.parse.urlencode([(name, value)]))
                check(matches is not None and any(m["id"] == resource["id"] for m in matches) == wanted,
                      "%s %s %s=%s" % (resource["id"], "is found by" if wanted else "is not found by", name, value))


def ask_includes(server, world):
    asked = [("DiagnosticReport", [("_include", "DiagnosticReport:result")], "result"),
             ("Observation", [("code", "2345-7"), ("_include", "Observation:patient")], "subject"),
             ("Observation", [("code", "2345-7"), ("_include", "Observation:patient:Patient"), ("_count", "2")], "subject"),
             ("Patient", [("_include", "Patient:organization")], "managingOrganization"),
             ("Location", [("_include", "Location:organization:Organization")], "managingOrganization")]
    for kind, query, element in asked:
        matches, included = search(server, world, kind, query)
        links = {l["reference"] for m in matches for l in ([m[element]] if isinstance(m.get(element), dict) else m.get(element, []))}
        wanted = {l for l in links if tuple(l.split("/")) in world.resources}
        check({"%(resourceType)s/%(id)s" % r for r in included} == wanted, "%s?%s includes %d" % (kind, query, len(wanted)))
    matches, included = search(server, world, "Organization", [("_id", "ms"), ("_revinclude", "Patient:organization"),
                                                               ("_revinclude:iterate", "Observation:patient")])
    people = {"Patient/" + r["id"] for r in world.of("Patient") if r.get("managingOrganization", {}).get("reference") == "Organization/ms"}
    wanted = people | {"Observation/" + r["id"] for r in world.of("Observation") if r.get("subject", {}).get("reference") in people}
    check({"%(resourceType)s/%(id)s" % r for r in included} == wanted, "includes of includes: %d" % len(wanted))


def ask_sorted(server, world):
    for name, kind in (("birthdate", "birthDate"), ("family", None)):
        for sign in ("", "-"):
            matches, _ = search(server, world, "Patient", [("_sort", sign + name), ("_count", "4")])
            key = (lambda r: r.get("birthDate")) if kind else (
                lambda r: min([n["family"].lower().replace("\u00fc", "u") for n in r.get("name", []) if "family" in n], default=None))
            keys = [key(r) for r in matches]
            there = [k for k in keys if k is not None]
            full = [instant(k)[sign == "-"] if kind else k for k in there]
            check(full == sorted(full, reverse=sign == "-") and keys == there + [None] * (len(keys) - len(there)),
                  "sorted by %s%s: %s" % (sign, name, keys))


def main(firth, directory):
    normative = os.path.join(directory, "Normative")
    with Server(firth).start() as server:
        post_files(server, directory)
        server.judge()
    with Server(firth).start() as server:
        if os.path.isdir(os.path.join(directory, "R4")):
            ask_indexes(server, directory)
        pairs = [load(os.path.join(normative, n + ".json")) for n in (
            "ObservationWith1MinuteApgarScore", "ObservationWith20MinuteApgarScore", "ObservationWithTPMTDiplotype",
            "ObservationWithTPMTHaplotypeOne", "ObservationWithEyeColor", "ObservationWithLongEyeColor")
            if os.path.exists(os.path.join(normative, n + ".json"))]
        for number, resource in enumerate(pairs):
            resource["id"] += "-%d" % number  # two have the same
            status, _, answer = server.ask("PUT", "Observation/" + resource["id"], resource)
            check(status == 201, "%s: %s" % (resource["id"], status))
        ask_pairs(server, pairs)
        server.judge()
    with Server(firth).start() as server:
        world = World(PARAMS)
        for entry in load(os.path.join(normative, "SearchDataBatch.json"))["entry"]:
            if entry["resource"]["resourceType"] != "AuditEvent":
                put(server, world, lists(entry["resource"]))
        made(server, world)
        for number, (kind, query) in enumerate(QUESTIONS):
            search(server, world, kind, query, post=number % 2)
        ask_includes(server, world)
        ask_sorted(server, world)
        server.judge()
    return done()


sys.exit(main(*sys.argv[1:]))
