"""Random profiles of Patient and Observation and random instances for them, from small pools of values, so that what a
profile says is met about as often as not. Everything that they need is in support()."""
import copy

BASE = "http://x.test/fhir"
CORE = "http://hl7.org/fhir/StructureDefinition/"


def coding(code, system=f"{BASE}/CodeSystem/letters"):
    return {"system": system, "code": code}


def support():
    """Code systems, value sets and extensions that are the same in every run."""
    letters = {"resourceType": "CodeSystem", "id": "letters", "url": f"{BASE}/CodeSystem/letters", "version": "1", "name": "Letters", "status": "active",
               "content": "complete", "caseSensitive": True, "hierarchyMeaning": "is-a",
               "property": [{"code": "kind", "type": "code"}, {"code": "rank", "type": "integer"}, {"code": "old", "type": "boolean"}],
               "concept": [{"code": "a", "display": "Letter a", "property": [{"code": "rank", "valueInteger": 1}], "concept": [
                   {"code": "a1", "display": "First a", "property": [{"code": "old", "valueBoolean": True}]}, {"code": "a2", "display": "Second a", "concept": [{"code": "a2x", "display": "x"}]}]},
                           {"code": "b", "display": "Letter b", "property": [{"code": "rank", "valueInteger": 2}]}, {"code": "c", "display": "Letter c"}]}
    def value_set(name, compose):
        return {"resourceType": "ValueSet", "id": name, "url": f"{BASE}/ValueSet/{name}", "name": name.title(), "status": "active", "compose": compose}
    system = letters["url"]
    sets = [value_set("all", {"include": [{"system": system}]}),
            value_set("under-a", {"include": [{"system": system, "filter": [{"property": "concept", "op": "is-a", "value": "a"}]}]}),
            value_set("list", {"include": [{"system": system, "concept": [{"code": "a"}, {"code": "c"}]}]}),
            value_set("less", {"include": [{"valueSet": [f"{BASE}/ValueSet/all"]}], "exclude": [{"system": system, "concept": [{"code": "b"}]}]})]
    def extension(name, elements, context="Patient"):
        return {"resourceType": "StructureDefinition", "id": name, "url": f"{BASE}/StructureDefinition/{name}", "name": name.title(), "status": "active", "fhirVersion": "4.0.1",
                "kind": "complex-type", "abstract": False, "context": [{"type": "element", "expression": context}], "type": "Extension", "baseDefinition": CORE + "Extension",
                "derivation": "constraint", "differential": {"element": [{"id": "Extension", "path": "Extension"}, *elements]}}
    url = lambda name: {"id": "Extension.url", "path": "Extension.url", "fixedUri": f"{BASE}/StructureDefinition/{name}"}
    none = {"id": "Extension.extension", "path": "Extension.extension", "max": "0"}
    simple = extension("simple", [none, url("simple"), {"id": "Extension.value[x]", "path": "Extension.value[x]", "min": 1, "type": [{"code": "string"}, {"code": "boolean"}]}])
    coded = extension("coded", [none, url("coded"), {"id": "Extension.value[x]", "path": "Extension.value[x]", "min": 1, "type": [{"code": "Coding"}],
                                                    "binding": {"strength": "required", "valueSet": f"{BASE}/ValueSet/list"}}], "Element")
    def part(name, kind, low):
        head = f"Extension.extension:{name}"
        return [{"id": head, "path": "Extension.extension", "sliceName": name, "min": low, "max": "1"}, {"id": head + ".extension", "path": "Extension.extension.extension", "max": "0"},
                {"id": head + ".url", "path": "Extension.extension.url", "fixedUri": name}, {"id": head + ".value[x]", "path": "Extension.extension.value[x]", "min": 1, "type": [{"code": kind}]}]
    nested = extension("nested", [{"id": "Extension.extension", "path": "Extension.extension", "min": 1}, *part("when", "date", 1), *part("why", "string", 0), url("nested"),
                                  {"id": "Extension.value[x]", "path": "Extension.value[x]", "max": "0"}])
    return [letters, *sets, simple, coded, nested]


# What a list element may hold, and its discriminators with the elements of a slice that they look at: (type, path, values
# as ElementDefinition members below the slice).
IDENTIFIERS = [{"system": "http://x.test/one", "value": "1"}, {"system": "http://x.test/two", "value": "2", "use": "official"}, {"system": "http://x.test/one", "value": "11", "period": {"start": "2020"}},
               {"value": "3"}, {"system": "http://x.test/three", "value": "3", "type": {"coding": [coding("a")]}}, {"system": "http://x.test/two", "use": "old", "value": "x", "type": {"coding": [coding("b"), coding("c")]}}]
NAMES = [{"family": "Smith", "given": ["A", "B"]}, {"use": "official", "family": "Jones"}, {"use": "nickname", "given": ["Al"]}, {"text": "A B"}, {"use": "official", "given": ["C"], "family": "A long family name"}]
TELECOMS = [{"system": "phone", "value": "1", "use": "home"}, {"system": "phone", "value": "2", "use": "work"}, {"system": "email", "value": "a@b"}, {"system": "url", "value": "http://x.test", "rank": 1}]
CATEGORIES = [{"coding": [coding("a")]}, {"coding": [coding("b")]}, {"coding": [coding("a2x")], "text": "t"}, {"text": "only"}, {"coding": [coding("zz")]},
              {"coding": [coding("c"), coding("a")]}]
COMPONENTS = [{"code": {"coding": [coding("a")]}, "valueString": "x"}, {"code": {"coding": [coding("b")]}, "valueQuantity": {"value": 5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}},
              {"code": {"text": "t"}}, {"code": {"coding": [coding("c")]}, "valueBoolean": True}, {"code": {"coding": [coding("a1")]}, "valueCodeableConcept": {"coding": [coding("b")]}}]
EXTENSIONS = [{"url": f"{BASE}/StructureDefinition/simple", "valueString": "s"}, {"url": f"{BASE}/StructureDefinition/simple", "valueBoolean": True}, {"url": f"{BASE}/StructureDefinition/simple", "valueInteger": 1},
              {"url": f"{BASE}/StructureDefinition/coded", "valueCoding": coding("a")}, {"url": f"{BASE}/StructureDefinition/coded", "valueCoding": coding("b")},
              {"url": f"{BASE}/StructureDefinition/nested", "extension": [{"url": "when", "valueDate": "2020"}]}, {"url": f"{BASE}/StructureDefinition/nested", "extension": [{"url": "why", "valueString": "x"}]},
              {"url": f"{BASE}/StructureDefinition/nested", "extension": [{"url": "when", "valueDate": "2020"}, {"url": "who", "valueString": "x"}]}]
VALUES = [("Quantity", {"value": 5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}), ("Quantity", {"value": 50, "unit": "g", "system": "http://unitsofmeasure.org", "code": "g"}),
          ("String", "text"), ("String", "a longer text than ten"), ("CodeableConcept", {"coding": [coding("a")]}), ("CodeableConcept", {"coding": [coding("zz")]}), ("Boolean", True), ("Integer", 7), ("DateTime", "2020-01-01"), ("DateTime", "2021")]
REFERENCES = [{"reference": "#org"}, {"reference": "#who"}, {"reference": "Organization/1"}, {"reference": "Practitioner/1"}, {"display": "d"}, {"reference": "PractitionerRole/1", "type": "PractitionerRole"}]

LISTS = {
    "Patient.identifier": (IDENTIFIERS, [("value", "system", [{"fixedUri": "http://x.test/one"}, {"fixedUri": "http://x.test/two"}]), ("pattern", "type", [{"patternCodeableConcept": {"coding": [coding("a")]}}, {"patternCodeableConcept": {"coding": [coding("b")]}}]),
                                         ("exists", "period", [{"min": 1}, {"max": "0"}]), ("value", "use", [{"fixedCode": "official"}, {"fixedCode": "old"}])]),
    "Patient.name": (NAMES, [("value", "use", [{"fixedCode": "official"}, {"fixedCode": "nickname"}]), ("exists", "family", [{"min": 1}, {"max": "0"}])]),
    "Patient.telecom": (TELECOMS, [("value", "system", [{"fixedCode": "phone"}, {"fixedCode": "email"}]), ("value", "use", [{"patternCode": "home"}, {"patternCode": "work"}])]),
    "Observation.category": (CATEGORIES, [("pattern", "$this", [{"patternCodeableConcept": {"coding": [coding("a")]}}, {"patternCodeableConcept": {"coding": [coding("b")]}}]), ("value", "coding.code", [{"fixedCode": "a"}, {"fixedCode": "b"}]),
                                          ("value", "$this", [{"binding": {"strength": "required", "valueSet": f"{BASE}/ValueSet/under-a"}}, {"binding": {"strength": "required", "valueSet": f"{BASE}/ValueSet/list"}}])]),
    "Observation.component": (COMPONENTS, [("pattern", "code", [{"patternCodeableConcept": {"coding": [coding("a")]}}, {"patternCodeableConcept": {"coding": [coding("b")]}}]), ("type", "value", [{"type": [{"code": "string"}]}, {"type": [{"code": "Quantity"}]}]),
                                           ("exists", "value", [{"min": 1}, {"max": "0"}])]),
}
SINGLES = {
    "Patient.gender": [{"fixedCode": "male"}, {"patternCode": "female"}, {"min": 1}, {"max": "0"}],
    "Patient.birthDate": [{"min": 1}, {"minValueDate": "1950-01-01"}, {"maxValueDate": "1980-01-01"}, {"fixedDate": "1970-01-01"}],
    "Patient.deceased[x]": [{"min": 1}, {"type": [{"code": "boolean"}]}, {"max": "0"}, {"type": [{"code": "dateTime"}], "minValueDateTime": "2020-06-01"}],
    "Patient.maritalStatus": [{"min": 1}, {"binding": {"strength": "required", "valueSet": f"{BASE}/ValueSet/under-a"}}, {"binding": {"strength": "extensible", "valueSet": f"{BASE}/ValueSet/list"}}, {"patternCodeableConcept": {"text": "t"}}, {"fixedCodeableConcept": {"coding": [coding("a")]}}],
    "Patient.managingOrganization": [{"min": 1}, {"type": [{"code": "Reference", "targetProfile": [CORE + "Organization"], "aggregation": ["contained"]}]}, {"type": [{"code": "Reference", "targetProfile": [f"{BASE}/StructureDefinition/named-organization"]}]}],
    "Observation.code": [{"patternCodeableConcept": {"coding": [coding("a")]}}, {"binding": {"strength": "required", "valueSet": f"{BASE}/ValueSet/less"}}, {"fixedCodeableConcept": {"text": "t"}}],
    "Observation.value[x]": [{"min": 1}, {"type": [{"code": "Quantity"}]}, {"type": [{"code": "string"}, {"code": "CodeableConcept"}]}, {"max": "0"}, {"type": [{"code": "string"}], "maxLength": 10}, {"type": [{"code": "Quantity"}], "patternQuantity": {"code": "mg"}},
                             {"type": [{"code": "Quantity"}], "maxValueQuantity": {"value": 10, "system": "http://unitsofmeasure.org", "code": "g"}}, {"type": [{"code": "integer"}], "minValueInteger": 3, "maxValueInteger": 6},
                             {"type": [{"code": "CodeableConcept"}], "binding": {"strength": "required", "valueSet": f"{BASE}/ValueSet/all"}}],
    "Observation.subject": [{"min": 1}, {"type": [{"code": "Reference", "targetProfile": [CORE + "Patient"]}]}],
    "Observation.interpretation": [{"max": "1"}, {"min": 1}],
    "Observation.note": [{"max": "1"}, {"max": "0"}],
}
CHILDREN = {"Patient.identifier": ["use", "system", "value", "type"], "Patient.name": ["family", "given", "use", "text"], "Patient.telecom": ["value", "rank", "use"], "Observation.component": ["value[x]", "interpretation"], "Observation.category": ["text", "coding"]}
INVARIANTS = {"Patient": ["name.exists()", "identifier.count() < 3", "gender.exists() implies birthDate.exists()", "name.where(use = 'official').count() <= 1", "telecom.all(value.exists())"],
              "Observation": ["value.exists() or component.exists()", "component.code.coding.exists()", "category.count() = 1"]}
ORDER = {"Patient": ["extension", "identifier", "name", "telecom", "gender", "birthDate", "deceased[x]", "maritalStatus", "managingOrganization"],
         "Observation": ["category", "code", "subject", "value[x]", "interpretation", "note", "component"]}


def named_organization():
    return {"resourceType": "StructureDefinition", "id": "named-organization", "url": f"{BASE}/StructureDefinition/named-organization", "name": "NamedOrganization", "status": "active", "fhirVersion": "4.0.1", "kind": "resource", "abstract": False,
            "type": "Organization", "baseDefinition": CORE + "Organization", "derivation": "constraint",
            "differential": {"element": [{"id": "Organization", "path": "Organization"}, {"id": "Organization.name", "path": "Organization.name", "min": 1}, {"id": "Organization.alias", "path": "Organization.alias", "max": "0"}]}}


def cardinality(rng):
    low = rng.choice([0, 0, 1, 1, 2])
    return {"min": low, "max": rng.choice([str(max(low, 1)), "*", "3"])}


def child_rules(rng, path, ident):
    """Constraints on members of a list's items."""
    out = []
    for child in CHILDREN.get(path, []):
        if rng.random() < 0.2:
            rule = rng.choice([{"min": 1}, {"max": "0"}, {"mustSupport": True}])
            out.append({"id": f"{ident}.{child}", "path": f"{path}.{child}", **rule})
    return out


def slices(rng, path):
    pool, discriminators = LISTS[path]
    kind, where, values = rng.choice(discriminators)
    head = {"id": path, "path": path, "slicing": {"discriminator": [{"type": kind, "path": where}], "rules": rng.choice(["open", "open", "closed", "openAtEnd"])}}
    if rng.random() < 0.25:
        head["slicing"]["ordered"] = True
    if rng.random() < 0.3:
        head.update(cardinality(rng))
    out = [head]
    for number, value in enumerate(values[:rng.choice([1, 2, 2])]):
        name = f"s{number}"
        ident = f"{path}:{name}"
        slice_ = {"id": ident, "path": path, "sliceName": name, **rng.choice([{}, {"min": 1}, {"max": "1"}, {"min": 1, "max": "1"}, {"max": "0"}])}
        rules = child_rules(rng, path, ident)
        if where == "$this":
            slice_.update(copy.deepcopy(value))
        else:
            steps, at = where.split("."), ""
            for i, step in enumerate(steps):
                at += "." + (step + "[x]" if step == "value" and path.endswith("component") else step)
                rules = [r for r in rules if r["id"] != ident + at]
                last = i == len(steps) - 1
                rules.append({"id": ident + at, "path": path + at, **(copy.deepcopy(value) if last else {"min": 1, "max": "1"}), **({"min": 1} if last and kind in ("value", "pattern") and rng.random() < 0.5 else {})})
        out.append(slice_)
        out.extend(in_order(rules, path))
    return out


KIDS = ["id", "extension", "use", "type", "coding", "system", "text", "value", "family", "given", "code", "value[x]", "rank", "period", "interpretation"]


def in_order(rules, path):
    kids = {"Patient.identifier": ["use", "type", "system", "value", "period"], "Patient.name": ["use", "text", "family", "given"], "Patient.telecom": ["system", "value", "use", "rank"],
            "Observation.component": ["code", "value[x]", "interpretation"], "Observation.category": ["coding", "coding.code", "text"]}[path]
    return sorted(rules, key=lambda r: kids.index(r["path"][len(path) + 1:]))


def extension_slices(rng):
    out = [{"id": "Patient.extension", "path": "Patient.extension", "slicing": {"discriminator": [{"type": "value", "path": "url"}], "rules": rng.choice(["open", "open", "closed"])}}]
    for name in rng.sample(["simple", "coded", "nested"], rng.choice([1, 2])):
        out.append({"id": f"Patient.extension:{name}", "path": "Patient.extension", "sliceName": name, **rng.choice([{}, {"min": 1}, {"max": "1"}, {"min": 1, "max": "1"}]),
                    "type": [{"code": "Extension", "profile": [f"{BASE}/StructureDefinition/{name}"]}]})
    return out


def choice_slices(rng, path):
    types = ["boolean", "dateTime"] if path.startswith("Patient") else ["Quantity", "string", "CodeableConcept"]
    out = [{"id": path, "path": path, "slicing": {"discriminator": [{"type": "type", "path": "$this"}], "ordered": False, "rules": rng.choice(["open", "closed"])}}]
    for code in rng.sample(types, rng.choice([1, 2])):
        stem = path[:-3].rsplit(".", 1)[1]
        name = stem + code[0].upper() + code[1:]
        rule = rng.choice([{}, {"min": 1}, {"mustSupport": True}])
        more = {"string": [{"maxLength": 10}, {}], "CodeableConcept": [{"binding": {"strength": "required", "valueSet": f"{BASE}/ValueSet/under-a"}}, {}], "Quantity": [{"patternQuantity": {"code": "mg"}}, {}]}.get(code, [{}])
        out.append({"id": f"{path}:{name}", "path": path, "sliceName": name, "type": [{"code": code}], **rule, **rng.choice(more)})
    return out


def profile(rng, number, parents):
    kind = rng.choice(["Patient", "Observation"])
    same = [p for p in parents if p["type"] == kind]
    parent = rng.choice(same)["url"] if same and rng.random() < 0.2 else CORE + kind
    name = f"p{number}"
    root = {"id": kind, "path": kind}
    if rng.random() < 0.3:
        root["constraint"] = [{"key": f"x-{number}", "severity": rng.choice(["error", "warning"]), "human": "A rule of the test", "expression": rng.choice(INVARIANTS[kind])}]
    elements = [root]
    for child in ORDER[kind]:
        path = f"{kind}.{child}"
        if rng.random() > 0.35:
            continue
        if path == "Patient.extension":
            elements.extend(extension_slices(rng))
        elif child.endswith("[x]") and rng.random() < 0.3:
            elements.extend(choice_slices(rng, path))
        elif path in LISTS and rng.random() < 0.6:
            elements.extend(slices(rng, path))
        elif path in LISTS:
            elements.append({"id": path, "path": path, **cardinality(rng)})
            elements.extend(in_order(child_rules(rng, path, path), path))
        else:
            rule = copy.deepcopy(rng.choice(SINGLES[path]))
            elements.append({"id": path, "path": path, **rule})
    return {"resourceType": "StructureDefinition", "id": name, "url": f"{BASE}/StructureDefinition/{name}", "name": name.upper(), "status": "active", "fhirVersion": "4.0.1", "kind": "resource", "abstract": False,
            "type": kind, "baseDefinition": parent, "derivation": "constraint", "differential": {"element": elements}}


def some(rng, pool, most=3):
    return [copy.deepcopy(rng.choice(pool)) for _ in range(rng.choice(range(most + 1)))]


def instance(rng, definition):
    kind = definition["type"]
    doc = {"resourceType": kind, "id": "i", "meta": {"profile": [definition["url"]]}}
    put = lambda name, value, odds=0.7: doc.update({name: value}) if value and rng.random() < odds else None
    if kind == "Patient":
        put("extension", some(rng, EXTENSIONS, 2), 0.5)
        put("identifier", some(rng, IDENTIFIERS))
        put("name", some(rng, NAMES))
        put("telecom", some(rng, TELECOMS))
        put("gender", rng.choice(["male", "female"]))
        put("birthDate", rng.choice(["1940", "1970-01-01", "1990-05-05", "1949-12-31"]))
        put(*rng.choice([("deceasedBoolean", False), ("deceasedBoolean", True), ("deceasedDateTime", "2020"), ("deceasedDateTime", "2021-01-01")]))
        put("maritalStatus", rng.choice([*CATEGORIES, {"text": "t"}]))
        put("managingOrganization", rng.choice(REFERENCES[:3:2] + REFERENCES[4:5]))
        if doc.get("managingOrganization", {}).get("reference", "").startswith("#"):
            doc["contained"] = [rng.choice([{"resourceType": "Organization", "id": "org", "name": "O"}, {"resourceType": "Organization", "id": "org", "alias": ["x"], "identifier": [{"value": "x"}]}])]
        return doc
    doc.update({"status": "final", "code": rng.choice([*CATEGORIES[:4], {"text": "t"}])})
    put("category", some(rng, CATEGORIES))
    put("subject", rng.choice([{"reference": "Patient/1"}, {"display": "x"}, {"reference": "Group/1"}]))
    name, value = rng.choice(VALUES)
    put("value" + name, copy.deepcopy(value))
    put("interpretation", some(rng, CATEGORIES[:2], 2), 0.3)
    put("note", [{"text": "x"}] * rng.choice([1, 2]), 0.3)
    put("component", some(rng, COMPONENTS))
    return doc


def make(rng, count):
    """(definitions, [(name, instance)]) with about eight instances for each profile."""
    definitions = []
    cases = []
    for number in range(max(1, count // 8)):
        made = profile(rng, number, definitions)
        definitions.append(made)
        for i in range(8):
            cases.append((f"{made['id']}-{i}", instance(rng, made)))
    return [*support(), named_organization(), *definitions], cases
