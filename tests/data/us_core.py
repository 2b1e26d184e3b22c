"""US Core as Inferno asks for it: usage: us_core.py FIRTH FILE...

Loads bundles (a transaction, single PUTs, single POSTs, firth import: each way in a server of its own), then for each
resource type reads all of it back, and asks every search that US Core 3.1.1 and 6.1.0 list in their capability
statements, alone and combined, by GET and POST, with values taken from the resources, dates with their comparators,
_revinclude=Provenance:target, and read, vread and history of what was found.
"""
import json
import sys

from world import Server, World, check, codings_of, done, fold, search, span, texts_of, walk


def of_type(*names):
    return lambda v: v.get("reference", "").partition("/")[0] in names


SUBJECT = ("reference", ["subject"], of_type("Patient"))
STATUS = ("token", ["status"])
CODE = ("token", ["code"])
CATEGORY = ("token", ["category"])
PARAMS = {
    "Resource": {"_tag": ("token", ["meta.tag"]), "_profile": ("uri", ["meta.profile"])},
    "AllergyIntolerance": {"clinical-status": ("token", ["clinicalStatus"]), "patient": ("reference", ["patient"])},
    "CarePlan": {"category": CATEGORY, "date": ("date", ["period"]), "patient": SUBJECT, "status": STATUS},
    "CareTeam": {"patient": SUBJECT, "status": STATUS},
    "Condition": {"category": CATEGORY, "clinical-status": ("token", ["clinicalStatus"]), "patient": SUBJECT,
                  "onset-date": ("date", ["onsetDateTime", "onsetPeriod"]), "code": CODE,
                  "abatement-date": ("date", ["abatementDateTime", "abatementPeriod"]),
                  "recorded-date": ("date", ["recordedDate"]), "encounter": ("reference", ["encounter"])},
    "Coverage": {"patient": ("reference", ["beneficiary"])},
    "Device": {"patient": ("reference", ["patient"]), "type": ("token", ["type"]), "status": STATUS},
    "DiagnosticReport": {"status": STATUS, "patient": SUBJECT, "category": CATEGORY, "code": CODE,
                         "date": ("date", ["effectiveDateTime", "effectivePeriod"])},
    "DocumentReference": {"status": STATUS, "patient": SUBJECT, "category": CATEGORY, "type": ("token", ["type"]),
                          "date": ("date", ["date"]), "period": ("date", ["context.period"])},
    "Encounter": {"class": ("token", ["class"]), "date": ("date", ["period"]), "identifier": ("token", ["identifier"]),
                  "patient": SUBJECT, "location": ("reference", ["location.location"]), "status": STATUS,
                  "type": ("token", ["type"])},
    "Goal": {"lifecycle-status": ("token", ["lifecycleStatus"]), "patient": SUBJECT,
             "target-date": ("date", ["target.dueDate"])},
    "Immunization": {"patient": ("reference", ["patient"]), "status": STATUS, "date": ("date", ["occurrenceDateTime"])},
    "Location": {"name": ("string", ["name", "alias"]), "address": ("string", ["address"]),
                 "address-city": ("string", ["address.city"]), "address-state": ("string", ["address.state"]),
                 "address-postalcode": ("string", ["address.postalCode"])},
    "MedicationDispense": {"status": STATUS, "type": ("token", ["type"]), "patient": SUBJECT},
    "MedicationRequest": {"status": STATUS, "intent": ("token", ["intent"]), "patient": SUBJECT,
                          "encounter": ("reference", ["encounter"]), "authoredon": ("date", ["authoredOn"])},
    "Observation": {"status": STATUS, "category": CATEGORY, "code": CODE, "patient": SUBJECT,
                    "date": ("date", ["effectiveDateTime", "effectivePeriod", "effectiveInstant"])},
    "Organization": {"name": ("string", ["name", "alias"]), "address": ("string", ["address"])},
    "Patient": {"birthdate": ("date", ["birthDate"]), "death-date": ("date", ["deceasedDateTime"]),
                "family": ("string", ["name.family"]), "gender": ("token", ["gender"]),
                "given": ("string", ["name.given"]), "identifier": ("token", ["identifier"]), "name": ("string", ["name"])},
    "Practitioner": {"name": ("string", ["name"]), "identifier": ("token", ["identifier"])},
    "PractitionerRole": {"specialty": ("token", ["specialty"]), "practitioner": ("reference", ["practitioner"])},
    "Procedure": {"status": STATUS, "patient": SUBJECT, "code": CODE,
                  "date": ("date", ["performedDateTime", "performedPeriod"])},
    "Provenance": {"target": ("reference", ["target"])},
    "QuestionnaireResponse": {"patient": SUBJECT, "status": STATUS, "authored": ("date", ["authored"]),
                              "questionnaire": ("uri", ["questionnaire"])},
    "RelatedPerson": {"patient": ("reference", ["patient"]), "name": ("string", ["name"])},
    "ServiceRequest": {"status": STATUS, "patient": SUBJECT, "category": CATEGORY, "code": CODE,
                       "authored": ("date", ["authoredOn"])},
    "Specimen": {"patient": SUBJECT},
}

# What the capability statements list, with SHALL or SHOULD, besides each parameter for itself.
TOGETHER = {
    "AllergyIntolerance": ["patient clinical-status"],
    "CarePlan": ["patient category", "patient category status", "patient category date", "patient category status date"],
    "CareTeam": ["patient status"],
    "Condition": ["patient category", "patient clinical-status", "patient onset-date", "patient code",
                  "patient category clinical-status", "patient recorded-date", "patient abatement-date",
                  "patient category encounter"],
    "Device": ["patient type", "patient status"],
    "DiagnosticReport": ["patient category", "patient code", "patient category date", "patient status",
                         "patient code date"],
    "DocumentReference": ["patient category", "patient type", "patient category date", "patient status",
                          "patient type period"],
    "Encounter": ["patient date", "patient class", "patient status", "patient type", "patient location"],
    "Goal": ["patient lifecycle-status", "patient target-date"],
    "Immunization": ["patient date", "patient status"],
    "MedicationDispense": ["patient status", "patient status type"],
    "MedicationRequest": ["patient intent", "patient intent status", "patient intent encounter",
                          "patient intent authoredon"],
    "Observation": ["patient category", "patient code", "patient category date", "patient category status",
                    "patient code date"],
    "Patient": ["birthdate name", "gender name", "birthdate family", "family gender", "death-date family"],
    "Procedure": ["patient date", "patient status", "patient code date"],
    "QuestionnaireResponse": ["patient status", "patient authored", "patient questionnaire"],
    "RelatedPerson": ["patient name"],
    "ServiceRequest": ["patient category", "patient code", "patient category authored", "patient status",
                       "patient code authored"],
}


def day_of(value):
    return value[:10] if isinstance(value, str) else value.get("start", value.get("end", ""))[:10]


def values_to_ask(world, resource, name):
    """A value that finds the resource by a parameter, in each of its forms; none when it has no element of it."""
    kind, elements = world.elements(resource, name)
    asked = []
    for value in elements[:2]:
        if kind == "reference":
            if "/" not in value.get("reference", "?") or "?" in value["reference"]:
                continue  # by identifier, or a condition that nobody has resolved
            asked += [value["reference"], value["reference"].split("/")[1]]
        elif kind == "token":
            for system, code in codings_of(value)[:2]:
                asked += [code, code + ",no-such-code"] + ([system + "|" + code] if system else [])
        elif kind == "date" and day_of(value):
            whole = value if isinstance(value, str) else value.get("start", value.get("end"))
            asked += [p + whole for p in ("gt", "lt", "ge", "le")] + [day_of(value), "ge" + day_of(value)]
        elif kind == "string":
            for text in texts_of(value)[:2]:
                first = text.split()[0].replace(",", "\\,")
                asked += [text.replace(",", "\\,"), first[:3]] if fold(first[:3]) else []
        elif kind == "uri":
            asked.append(value)
    return asked


def combinations(world, kind):
    """Queries of a type, each once: the parameters alone and together, values from the resources."""
    queries = {}
    names = [[n] for n in world.params[kind]] + [c.split() for c in TOGETHER.get(kind, [])]
    for together in names:
        taken = 0
        for resource in world.of(kind):
            lists = [values_to_ask(world, resource, n) for n in together]
            if not all(lists) or taken > 40:
                continue
            for i in range(max(len(l) for l in lists)):
                query = tuple((n, l[i % len(l)]) for n, l in zip(together, lists))
                taken += query not in queries
                queries[query] = True
    return list(queries)


def literal(resource, names):
    """References by fullUrl become those by type and id."""
    text = json.dumps(resource)
    for url, name in names.items():
        text = text.replace('"reference": "%s"' % url, '"reference": "%s"' % name)
    return json.loads(text)


def without_meta(resource):
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in ("versionId", "lastUpdated")}
    return json.dumps({**{k: v for k, v in resource.items() if k != "meta"}, **({"meta": meta} if meta else {})},
                      sort_keys=True)


# ---- ways to load -------------------------------------------------------------------------------------------------


def by_transaction(server, world, bundle):
    status, _, answer = server.ask("POST", "", bundle)
    if not check(status == 200, "a transaction is kept: %s %s" % (status, json.dumps(answer)[:300])):
        return
    names = {}
    for entry, given in zip(bundle["entry"], answer["entry"]):
        names[entry.get("fullUrl", "")] = "/".join(given["response"]["location"].split("/")[-4:-2])
    for entry, given in zip(bundle["entry"], answer["entry"]):
        kept = literal(entry["resource"], names)
        kept["id"] = given["response"]["location"].split("/")[-3]
        world.put(kept)


def own_names(bundle):
    return {e["fullUrl"]: e["resource"]["resourceType"] + "/" + e["resource"]["id"] for e in bundle["entry"]
            if "fullUrl" in e}


def by_put(server, world, bundle):
    names = own_names(bundle)
    for entry in bundle["entry"]:
        kept = literal(entry["resource"], names)
        status, _, answer = server.ask("PUT", names.get(entry.get("fullUrl")) or "%(resourceType)s/%(id)s" % kept, kept)
        check(status == 201, "PUT of %s: %s %s" % (kept["id"], status, json.dumps(answer)[:300]))
        world.put(kept)


def by_post(server, world, bundle):
    """Each gets its id when it comes, so whoever refers to it comes later, or again as an update."""
    names = {}
    for entry in bundle["entry"]:
        status, fields, answer = server.ask("POST", entry["resource"]["resourceType"], entry["resource"])
        if check(status == 201, "POST: %s %s" % (status, json.dumps(answer)[:300])):
            names[entry.get("fullUrl", "")] = "/".join(fields["location"].split("/")[-4:-2])
            entry["given"] = fields["location"].split("/")[-3]
            own = entry["resource"]
            names.setdefault("%s/%s" % (own["resourceType"], own.get("id")), "%s/%s" % (own["resourceType"], entry["given"]))
    for entry in bundle["entry"]:
        kept = {**literal(entry["resource"], names), "id": entry["given"]}
        status, fields, answer = server.ask("PUT", kept["resourceType"] + "/" + kept["id"], kept)
        check(status == 200, "PUT of what was posted: %s" % status)
        world.put(kept)


def by_import(server, world, path, bundle):
    out = server.run("import", "--data", server.data, "--format", "json", path)
    check(out.returncode == 0, "firth import: " + out.stderr[:300])
    names = {}
    for entry in bundle["entry"]:
        if entry.get("fullUrl", "").startswith("urn:uuid:"):
            entry["resource"]["id"] = entry["fullUrl"][9:]
        if entry.get("request", {}).get("method") == "PUT":
            entry["resource"]["id"] = entry["request"]["url"].split("/")[-1]
        names[entry.get("fullUrl", "")] = "%(resourceType)s/%(id)s" % entry["resource"]
    for entry in bundle["entry"]:
        world.put(literal(entry["resource"], names))


# ---- questions ----------------------------------------------------------------------------------------------------


def check_reads(server, world, share=1):
    for (kind, id), resource in list(world.resources.items())[::share]:
        status, fields, answer = server.ask("GET", "%s/%s" % (kind, id))
        check(status == 200 and without_meta(answer) == without_meta(resource), "%s/%s is what was loaded" % (kind, id))
    seen = set()
    for (kind, id), resource in world.resources.items():
        if kind in seen:
            continue
        seen.add(kind)
        version = server.ask("GET", "%s/%s" % (kind, id))[2]["meta"]["versionId"]
        status, _, answer = server.ask("GET", "%s/%s/_history/%s" % (kind, id, version))
        check(status == 200 and answer["id"] == id, "vread of %s" % kind)
        status, _, answer = server.ask("GET", "%s/%s/_history" % (kind, id))
        check(status == 200 and len(answer["entry"]) == int(version), "history of %s" % kind)


def check_provenance(server, world, kind, query, matches, included):
    wanted = {r["id"] for r in world.of("Provenance")
              if any(t["reference"] == kind + "/" + m["id"] for m in matches for t in r["target"])}
    check({r["id"] for r in included} == wanted, "%s?%s: its provenance" % (kind, query))


def ask_all(server, world, turn, turns):
    """The questions are shared out among the ways to load."""
    for kind in sorted({k for k, _ in world.resources if k in world.params}):
        queries = combinations(world, kind)[turn::turns]
        for number, query in enumerate(queries):
            query = list(query)
            if number % 3 == 0:
                asked = query + [("_revinclude", "Provenance:target"), ("_count", "7")]
                check_provenance(server, world, kind, query, *search(server, world, kind, asked, post=number % 2))
            else:
                search(server, world, kind, query, post=number % 2)
        print("    %-24s %4d resources, %4d searches" % (kind, len(world.of(kind)), len(queries)))


def main(firth, files):
    ways = ("transaction", "put", "post", "import")
    for turn, way in enumerate(ways):
        with Server(firth) as server:
            world = World(PARAMS)
            bundles = [(f, json.load(open(f))) for f in files]
            if way == "import":
                for path, bundle in bundles:
                    by_import(server, world, path, bundle)
            server.start()
            for _, bundle in bundles if way != "import" else []:
                {"transaction": by_transaction, "put": by_put, "post": by_post}[way](server, world, bundle)
            print("  by %s: %d resources" % (way, len(world.resources)))
            check_reads(server, world)
            ask_all(server, world, turn, len(ways))
            server.judge()
    return done()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
