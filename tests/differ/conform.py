"""Random definitions - StructureDefinition, ValueSet, CodeSystem, ConceptMap, SearchParameter, OperationDefinition,
Questionnaire with responses, Measure, CapabilityStatement - in which about every second one has a mistake."""
import copy

import synthetic
from synthetic import BASE, CORE, coding

LETTERS = f"{BASE}/CodeSystem/letters"


def head(what, ident, **more):
    return {"resourceType": what, "id": ident, "url": f"{BASE}/{what}/{ident}", "version": "1", "name": "Name" + ident.replace("-", ""), "title": "T", "status": "draft",
            "experimental": True, "description": "d", **more}


def pick(rng, thing, options):
    """One of the options: (odds, function(thing))."""
    for change in rng.sample(options, rng.choice([0, 1, 1, 2])):
        try:
            change(thing)
        except (KeyError, IndexError):
            pass # what it would change is gone already
    return thing


def code_system(rng, ident):
    cs = head("CodeSystem", ident, caseSensitive=True, content="complete", hierarchyMeaning="is-a", count=3,
              property=[{"code": "kind", "uri": "http://x.test/props#kind", "type": "code"}, {"code": "n", "uri": "http://x.test/props#n", "type": "integer"}],
              concept=[{"code": "a", "display": "A", "definition": "d", "property": [{"code": "n", "valueInteger": 1}]},
                       {"code": "b", "display": "B", "definition": "d", "property": [{"code": "kind", "valueCode": "a"}], "concept": [{"code": "c", "display": "C", "definition": "d"}]}])
    one, two = cs["concept"]
    return pick(rng, cs, [
        lambda t: t.update(count=5), lambda t: t.update(content="not-present"), lambda t: t.update(content="fragment"), lambda t: t.update(content="supplement"),
        lambda t: t.update(content="supplement", supplements=LETTERS), lambda t: t.update(supplements=LETTERS), lambda t: two.update(code="a"), lambda t: two["concept"][0].update(code="a"),
        lambda t: one["property"].append({"code": "n", "valueString": "x"}), lambda t: one["property"].append({"code": "zz", "valueString": "x"}), lambda t: two["property"].append({"code": "kind", "valueCode": "nothing"}),
        lambda t: t["property"].append({"code": "kind", "type": "string"}), lambda t: t["property"].append({"code": "x", "uri": "rel", "type": "string"}), lambda t: t["property"].append({"code": "y", "uri": "http://x.test/props#n", "type": "string"}),
        lambda t: t["property"].append({"code": "status", "uri": "http://hl7.org/fhir/concept-properties#status", "type": "Coding"}), lambda t: t["property"].append({"code": "parent", "uri": "http://hl7.org/fhir/concept-properties#child", "type": "code"}),
        lambda t: t["property"].append({"code": "inactive", "uri": "http://hl7.org/fhir/concept-properties#inactive", "type": "boolean"}), lambda t: one["property"].append({"code": "inactive", "valueBoolean": True}),
        lambda t: one["property"].append({"code": "parent", "valueCode": "nothing"}), lambda t: t.update(valueSet="http://hl7.org/fhir/ValueSet/administrative-gender"), lambda t: t.update(valueSet=f"{BASE}/ValueSet/all"), lambda t: t.update(valueSet="http://x.test/unknown"),
        lambda t: one.update(designation=[{"language": "de", "value": "A"}, {"language": "xx-", "value": "A"}]), lambda t: one.pop("display"), lambda t: t.pop("content"), lambda t: t.update(url="http://terminology.hl7.org/CodeSystem/x"),
        lambda t: t.update(filter=[{"code": "kind", "operator": ["=", "bad"], "value": "x"}]), lambda t: t.update(identifier=[{"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3.x"}]), lambda t: t.pop("concept")])


def value_set(rng, ident):
    include = rng.choice([{"system": LETTERS}, {"system": LETTERS, "concept": [{"code": "a"}, {"code": "b", "display": "Letter b"}]},
                          {"system": LETTERS, "filter": [{"property": "concept", "op": "is-a", "value": "a"}]}, {"valueSet": [f"{BASE}/ValueSet/all"]}])
    vs = head("ValueSet", ident, compose={"include": [include]})
    system = lambda t: t["compose"]["include"][0]
    def filtered(prop, op, value):
        return lambda t: system(t).update(system=LETTERS, filter=[{"property": prop, "op": op, "value": value}]) or system(t).pop("concept", None)
    return pick(rng, vs, [
        lambda t: system(t).update(system="relative"), lambda t: system(t).update(system="#contained"), lambda t: system(t).update(system=f"{BASE}/ValueSet/all"), lambda t: system(t).update(system="http://x.test/unknown"),
        lambda t: system(t).update(system="urn:oid:2.16.840.1.113883.6.96"), lambda t: system(t).update(system=LETTERS + "|1"), lambda t: system(t).update(system=LETTERS, version="9"), lambda t: system(t).update(system="http://hl7.org/fhir/administrative-gender"),
        lambda t: system(t).update(valueSet=["http://x.test/unknown"]), lambda t: system(t).update(valueSet=[LETTERS]), lambda t: system(t).update(valueSet=["rel"]), lambda t: system(t).pop("system", None), lambda t: system(t).update(valueSet=[t["url"]]),
        lambda t: system(t).update(system=LETTERS, concept=[{"code": "zz"}]), lambda t: system(t).update(system=LETTERS, concept=[{"code": "a"}, {"code": "a"}]), lambda t: system(t).update(system=LETTERS, concept=[{"code": "a", "display": "wrong"}]),
        lambda t: system(t).update(system="http://snomed.info/sct", concept=[{"code": "not-sct"}]), lambda t: system(t).update(system="http://loinc.org", concept=[{"code": "1-8"}]), lambda t: system(t).update(system="http://example.org/cs", concept=[{"code": "a"}]),
        filtered("concept", "is-a", "zz"), filtered("concept", "regex", "a.*"), filtered("code", "regex", "a.*"), filtered("code", "regex", "a(.*"), filtered("nothing", "=", "x"), filtered("rank", "=", "x"), filtered("rank", "=", "1"), filtered("old", "=", "yes"),
        filtered("old", "=", "true"), filtered("kind", "=", "zz"), filtered("kind", "exists", "true"), filtered("kind", "exists", "maybe"), filtered("concept", "in", "a,b"), filtered("concept", "descendent-of", "a"), filtered("parent", "=", "a"), filtered("parent", "=", "zz"),
        filtered("display", "=", "x"), filtered("concept", "generalizes", "a1"), filtered("concept", "is-not-a", "b"), filtered("status", "=", "x"), filtered("inactive", "=", "true"), filtered("deprecated", "=", "x"),
        lambda t: t["compose"].update(exclude=[{"system": LETTERS, "concept": [{"code": "zz"}]}]), lambda t: t["compose"].update(inactive=True, lockedDate="2020"), lambda t: t.pop("compose"), lambda t: t["compose"].update(include=[]), lambda t: t.pop("url"),
        lambda t: t.update(expansion={"timestamp": "2020-01-01T00:00:00Z", "contains": [{"system": LETTERS, "code": "a"}, {"code": "x"}]}), lambda t: t.update(expansion={"timestamp": "2020-01-01T00:00:00Z", "total": 1, "contains": [{"abstract": True, "display": "x"}]}),
        lambda t: t.update(expansion={"timestamp": "2020-01-01T00:00:00Z", "parameter": [{"name": "x"}]}), lambda t: t.update(jurisdiction=[{"coding": [{"system": "urn:iso:std:iso:3166", "code": "ZZ"}]}]), lambda t: t.update(immutable="x")])


def concept_map(rng, ident):
    cm = head("ConceptMap", ident, sourceUri=f"{BASE}/ValueSet/all", targetUri=f"{BASE}/ValueSet/list",
              group=[{"source": LETTERS, "target": LETTERS, "element": [{"code": "a", "target": [{"code": "c", "equivalence": "equivalent"}]}, {"code": "b", "target": [{"code": "a", "equivalence": "wider", "comment": "x"}]}]}])
    group = cm["group"][0]
    first = group["element"][0]
    target = first["target"][0]
    return pick(rng, cm, [
        lambda t: first.update(code="zz"), lambda t: target.update(code="zz"), lambda t: target.update(code="b"), lambda t: group.update(source="http://x.test/unknown"), lambda t: group.pop("source"), lambda t: group.pop("target"),
        lambda t: target.pop("code"), lambda t: target.update(equivalence="unmatched"), lambda t: target.update(equivalence="bad"), lambda t: target.update(equivalence="narrower"), lambda t: target.pop("equivalence"), lambda t: group.update(sourceVersion="9"),
        lambda t: group.update(source="rel"), lambda t: t.update(sourceUri="rel"), lambda t: t.update(sourceUri=LETTERS), lambda t: t.update(sourceCanonical=t.pop("sourceUri")), lambda t: t.update(sourceUri="http://x.test/unknown"), lambda t: first.update(display="wrong"),
        lambda t: target.update(display="wrong"), lambda t: group["element"].append(copy.deepcopy(first)), lambda t: group.update(unmapped={"mode": "fixed"}), lambda t: group.update(unmapped={"mode": "other-map"}), lambda t: group.update(unmapped={"mode": "fixed", "code": "zz"}),
        lambda t: target.update(dependsOn=[{"property": "rel", "value": "x"}]), lambda t: first.pop("target"), lambda t: t.pop("group"), lambda t: group.pop("element"), lambda t: group["element"].append({"code": "c", "target": []})])


def search_parameter(rng, ident):
    sp = head("SearchParameter", ident, code="x-y", base=["Patient"], type="token", expression="Patient.gender", xpathUsage="normal", xpath="f:Patient/f:gender")
    return pick(rng, sp, [
        lambda t: t.update(expression="Patient.nothing"), lambda t: t.update(expression="Patient.name."), lambda t: t.update(expression="name.family"), lambda t: t.update(expression="Observation.code"), lambda t: t.update(base=["Foo"]), lambda t: t.update(type="composite"),
        lambda t: t.update(type="composite", component=[{"definition": "http://hl7.org/fhir/SearchParameter/clinical-code", "expression": "code"}]), lambda t: t.update(component=[{"definition": "http://hl7.org/fhir/SearchParameter/clinical-code", "expression": "code"}] * 2),
        lambda t: t.update(type="composite", component=[{"definition": "http://hl7.org/fhir/SearchParameter/clinical-code", "expression": "code("}] * 2), lambda t: t.update(derivedFrom="http://hl7.org/fhir/SearchParameter/individual-gender"),
        lambda t: t.update(derivedFrom="http://hl7.org/fhir/SearchParameter/clinical-code"), lambda t: t.update(derivedFrom="http://x.test/unknown"), lambda t: t.update(derivedFrom="http://hl7.org/fhir/SearchParameter/individual-birthdate"), lambda t: t.update(target=["Patient"]),
        lambda t: t.update(type="reference", target=["Foo"]), lambda t: t.update(modifier=["exact", "bad"]), lambda t: t.update(comparator=["eq", "xx"]), lambda t: t.update(code="x.y"), lambda t: t.pop("expression"), lambda t: t.pop("code"), lambda t: t.update(chain=["x"]),
        lambda t: t.update(multipleAnd="x"), lambda t: t.update(expression="Patient.name.where(use = 'official').family"), lambda t: t.update(expression="Patient.extension('http://x').value as Coding"), lambda t: t.update(expression="Patient.name | Patient.nothing"),
        lambda t: t.update(xpathUsage=None), lambda t: t.pop("xpathUsage"), lambda t: t.update(type="date"), lambda t: t.update(expression="Patient.deceased as boolean"), lambda t: t.update(expression="(Patient.deceased as dateTime)"), lambda t: t.update(expression="Patient.deceasedBoolean")])


def operation(rng, ident):
    op = head("OperationDefinition", ident, kind="operation", code="do-it", system=False, type=True, instance=False, resource=["Patient"],
              parameter=[{"name": "in1", "use": "in", "min": 0, "max": "1", "type": "string"}, {"name": "return", "use": "out", "min": 1, "max": "1", "type": "Patient"}])
    p = op["parameter"][0]
    return pick(rng, op, [
        lambda t: p.update(type="Foo"), lambda t: p.pop("type"), lambda t: p.update(part=[{"name": "x", "use": "in", "min": 0, "max": "*", "type": "code"}]), lambda t: (p.pop("type"), p.update(part=[{"name": "x", "use": "in", "min": 0, "max": "*", "type": "code"}])),
        lambda t: p.update(searchType="token"), lambda t: p.update(searchType="token", type="string"), lambda t: p.update(max="x"), lambda t: p.update(min=2), lambda t: p.update(max="0"), lambda t: t["parameter"].append(copy.deepcopy(p)), lambda t: p.update(targetProfile=[CORE + "Patient"]),
        lambda t: p.update(type="Reference", targetProfile=[CORE + "Patient"]), lambda t: p.update(binding={"strength": "required", "valueSet": f"{BASE}/ValueSet/all"}), lambda t: p.update(binding={"strength": "required"}), lambda t: p.update(type="Patient", binding={"strength": "required", "valueSet": f"{BASE}/ValueSet/all"}),
        lambda t: t.update(resource=["Foo"]), lambda t: t.pop("resource"), lambda t: t.update(system=True, type=False), lambda t: t.update(kind="bad"), lambda t: t.update(code="do it"), lambda t: t.update(base="http://x.test/unknown"), lambda t: t.update(overload=[{"parameterName": ["zz"]}]),
        lambda t: t.update(inputProfile=CORE + "Patient"), lambda t: t.update(inputProfile="http://x.test/unknown"), lambda t: t.update(affectsState=None), lambda t: p.update(referencedFrom=[{"source": "zz"}]), lambda t: p.update(use="both"), lambda t: p.pop("name")])


def structure(rng, ident):
    if rng.random() < 0.5:
        sd = copy.deepcopy(synthetic.support()[5])
        sd.update(id=ident, url=f"{BASE}/StructureDefinition/{ident}", date="2020")
        sd["differential"]["element"][2]["fixedUri"] = sd["url"]
        elements = sd["differential"]["element"]
        return pick(rng, sd, [
            lambda t: elements[2].update(fixedUri="http://x.test/other"), lambda t: elements.pop(2), lambda t: t.pop("context"), lambda t: t.update(context=[{"type": "element", "expression": "Foo"}]), lambda t: t.update(context=[{"type": "element", "expression": "Patient.nothing"}]),
            lambda t: t.update(context=[{"type": "fhirpath", "expression": "Patient.("}]), lambda t: t.update(context=[{"type": "extension", "expression": "rel"}]), lambda t: t.update(contextInvariant=["a.(b"]), lambda t: elements[-1].update(type=[{"code": "Foo"}]),
            lambda t: elements[-1].update(type=[{"code": "Patient"}]), lambda t: elements.append({"id": "Extension.value[x].code", "path": "Extension.value[x].code", "min": 1}), lambda t: t.update(type="Element"), lambda t: t.update(baseDefinition=CORE + "Element"), lambda t: t.update(kind="resource"),
            lambda t: elements[1].pop("max"), lambda t: elements[-1].update(binding={"strength": "required", "valueSet": f"{BASE}/ValueSet/all"}), lambda t: elements[-1].update(min=0, max="0"), lambda t: t.pop("derivation"), lambda t: t.update(abstract=True), lambda t: t.update(baseDefinition="http://x.test/unknown")])
    sd = synthetic.profile(rng, 0, [])
    sd.update(id=ident, url=f"{BASE}/StructureDefinition/{ident}", name="N", date="2020")
    kind = sd["type"]
    elements = sd["differential"]["element"]
    order = ["id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension", "identifier", "basedOn", "partOf", "active", "status", "name", "telecom", "category", "code", "gender", "birthDate",
             "deceased[x]", "subject", "value[x]", "interpretation", "note", "component", "maritalStatus", "managingOrganization"]
    def add(**e):
        """Into the place where it belongs, as a rule."""
        def change(t):
            elements.append({"id": e["path"], **e})
            if rng.random() < 0.9:
                elements[1:] = sorted(elements[1:], key=lambda x: order.index(x["path"].split(".")[1]) if x["path"].split(".")[1:2] and x["path"].split(".")[1] in order else 99)
        return change
    return pick(rng, sd, [
        add(path=f"{kind}.nothing", min=1), add(path="Other.name", min=1), add(path=f"{kind}.text", max="2"), add(path=f"{kind}.id", min=2), add(path=f"{kind}.meta", min=1, max="0"), add(path=f"{kind}.identifier", type=[{"code": "string"}]), add(path=f"{kind}.language", fixedString="x"), add(path=f"{kind}.language", patternCode="de"),
        add(path=f"{kind}.implicitRules", maxLength=3), add(path=f"{kind}.text", maxLength=3), add(path=f"{kind}.text", binding={"strength": "required", "valueSet": f"{BASE}/ValueSet/all"}), add(path=f"{kind}.identifier", minValueInteger=3), add(path=f"{kind}.language", type=[{"code": "code", "targetProfile": [CORE + "Patient"]}]),
        add(path=f"{kind}.language", binding={"strength": "required", "valueSet": LETTERS}), add(path=f"{kind}.language", binding={"strength": "example", "valueSet": f"{BASE}/ValueSet/all"}), add(path=f"{kind}.language", binding={"strength": "required", "valueSet": "http://x.test/unknown"}),
        add(path=f"{kind}.extension", type=[{"code": "Extension", "profile": [CORE + "Patient"]}]), add(path=f"{kind}.extension", type=[{"code": "Extension", "profile": ["http://x.test/unknown"]}]), add(path=f"{kind}.contained", type=[{"code": "Patient"}]), add(path=f"{kind}.identifier", slicing={"rules": "open"}),
        add(path=f"{kind}.identifier", slicing={"discriminator": [{"type": "value", "path": "nothing"}], "rules": "open"}), add(path=f"{kind}.identifier", slicing={"discriminator": [{"type": "value", "path": "system.("}], "rules": "open"}), add(path=f"{kind}.identifier", sliceName="unsliced", min=1), add(path=f"{kind}.identifier.value", isModifier=True),
        add(path=f"{kind}.identifier", constraint=[{"key": "z-1", "severity": "error", "human": "h", "expression": "value.("}]), add(path=f"{kind}.identifier", constraint=[{"key": "z-1", "severity": "error", "human": "h", "expression": "nothing.exists()"}]), add(path=f"{kind}.identifier", constraint=[{"key": "z-1", "severity": "error", "human": "h"}]),
        add(path=f"{kind}.identifier", constraint=[{"key": "ele-1", "severity": "error", "human": "h", "expression": "true"}]), add(path=f"{kind}.identifier", constraint=[{"key": "z-1", "severity": "error", "human": "h", "expression": "true"}, {"key": "z-1", "severity": "error", "human": "h", "expression": "false"}]),
        lambda t: t.update(type="Device"), lambda t: t.update(baseDefinition="http://x.test/unknown"), lambda t: t.update(baseDefinition=CORE + "Device"), lambda t: t.pop("derivation"), lambda t: t.update(derivation="specialization"), lambda t: t.update(kind="complex-type"), lambda t: t.update(context=[{"type": "element", "expression": "Patient"}]),
        lambda t: elements.insert(0, elements.pop()), lambda t: elements[0].update(slicing={"rules": "open"}), lambda t: elements[0].update(id="wrong"), lambda t: elements.pop(0), lambda t: t.pop("differential"), lambda t: t.update(fhirVersion="9.9"), lambda t: elements[-1].pop("path"), lambda t: elements[-1].pop("id"), lambda t: elements.append(copy.deepcopy(elements[-1]))])


ITEMS = [{"linkId": "1", "type": "boolean", "text": "q"}, {"linkId": "2", "type": "choice", "answerValueSet": f"{BASE}/ValueSet/list"}, {"linkId": "3", "type": "choice", "answerOption": [{"valueCoding": coding("a")}, {"valueCoding": coding("b")}]},
         {"linkId": "4", "type": "integer", "enableWhen": [{"question": "1", "operator": "=", "answerBoolean": True}], "required": True}, {"linkId": "5", "type": "string", "maxLength": 3, "repeats": True}, {"linkId": "6", "type": "group", "item": [{"linkId": "6.1", "type": "date", "required": True}, {"linkId": "6.2", "type": "quantity"}]},
         {"linkId": "7", "type": "display", "text": "d"}, {"linkId": "8", "type": "open-choice", "answerOption": [{"valueString": "x"}, {"valueString": "y"}]}, {"linkId": "9", "type": "reference"}, {"linkId": "10", "type": "decimal"}, {"linkId": "11", "type": "group", "repeats": True, "item": [{"linkId": "11.1", "type": "text"}]}]


def questionnaire(rng, ident):
    q = head("Questionnaire", ident, item=[copy.deepcopy(i) for i in ITEMS if rng.random() < 0.8] or copy.deepcopy(ITEMS[:1]))
    item = rng.choice(q["item"])
    when = lambda **w: lambda t: item.update(enableWhen=[w])
    return pick(rng, q, [
        lambda t: item.update(linkId="1"), lambda t: item.pop("linkId"), lambda t: item.update(type="bad"), lambda t: item.pop("type"), when(question="zz", operator="=", answerBoolean=True), when(question=item["linkId"], operator="exists", answerBoolean=True), when(question="1", operator="=", answerString="x"),
        when(question="1", operator="exists", answerString="x"), when(question="3", operator="=", answerCoding=coding("a")), when(question="3", operator="=", answerCoding=coding("zz")), when(question="3", operator=">", answerCoding=coding("a")), when(question="7", operator="exists", answerBoolean=True), when(question="6", operator="exists", answerBoolean=True),
        lambda t: item.update(enableWhen=[{"question": "1", "operator": "=", "answerBoolean": True}, {"question": "10", "operator": ">", "answerDecimal": 1}]), lambda t: item.update(enableBehavior="all"), lambda t: item.update(answerOption=[{"valueInteger": 1}]), lambda t: item.update(answerValueSet="http://x.test/unknown"), lambda t: item.update(answerValueSet="#none"),
        lambda t: item.update(answerValueSet=LETTERS), lambda t: item.update(initial=[{"valueBoolean": True}]), lambda t: item.update(initial=[{"valueString": "x"}, {"valueString": "y"}]), lambda t: item.update(maxLength=3), lambda t: item.update(required=True), lambda t: item.update(readOnly=True, type="display"), lambda t: item.update(item=[{"linkId": "n", "type": "string"}]),
        lambda t: item.update(definition="http://hl7.org/fhir/StructureDefinition/Patient#Patient.gender"), lambda t: item.update(definition="http://hl7.org/fhir/StructureDefinition/Patient#Patient.nothing"), lambda t: item.update(code=[coding("zz")]), lambda t: t.update(derivedFrom=["http://x.test/unknown"]), lambda t: t.update(subjectType=["Foo"]), lambda t: item.update(item=[])])


def questionnaires():
    """For the responses."""
    return [head("Questionnaire", "answered", item=copy.deepcopy(ITEMS))]


ANSWERS = [{"valueBoolean": True}, {"valueBoolean": False}, {"valueCoding": coding("a")}, {"valueCoding": coding("b")}, {"valueCoding": coding("zz")}, {"valueInteger": 5}, {"valueString": "x"}, {"valueString": "long text"}, {"valueDate": "2020"}, {"valueDateTime": "2020"}, {"valueQuantity": {"value": 1}}, {"valueReference": {"display": "x"}}, {"valueDecimal": 1.5}]
RIGHT = {"1": 0, "2": 2, "3": 3, "4": 5, "5": 6, "6.1": 8, "6.2": 10, "8": 6, "9": 11, "10": 12, "11.1": 6}


def response(rng, ident):
    def item(question):
        link = question["linkId"]
        out = {"linkId": link}
        if question["type"] == "group":
            out["item"] = [i for i in (item(q) for q in question["item"] if rng.random() < 0.9) if i]
            return out if out["item"] else None
        if link in RIGHT:
            out["answer"] = [copy.deepcopy(ANSWERS[RIGHT[link]] if rng.random() < 0.93 else rng.choice(ANSWERS))]
            if rng.random() < 0.05:
                out["answer"].append(copy.deepcopy(ANSWERS[RIGHT[link]]))
        if rng.random() < 0.03:
            out["text"] = "other text"
        return out
    r = {"resourceType": "QuestionnaireResponse", "id": ident, "questionnaire": f"{BASE}/Questionnaire/answered", "status": rng.choice(["completed", "completed", "in-progress"]), "item": [item(q) for q in ITEMS if rng.random() < 0.93]}
    r["item"] = [i for i in r["item"] if i]
    first = rng.choice(r["item"])
    return pick(rng, r, [
        lambda t: first.update(linkId="zz"), lambda t: rng.shuffle(t["item"]), lambda t: t["item"].append(copy.deepcopy(first)), lambda t: first.pop("answer", None), lambda t: first.update(item=[{"linkId": "6.1"}]), lambda t: t.update(questionnaire="http://x.test/unknown"), lambda t: t.pop("questionnaire"),
        lambda t: first.update(answer=[]), lambda t: first.update(text="x"), lambda t: first.update(answer=[{"item": [{"linkId": "1"}]}]), lambda t: None, lambda t: None, lambda t: None])


def measure(rng, ident):
    criteria = {"language": "text/cql", "expression": "x"}
    kind = lambda c: {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/measure-population", "code": c}]}
    m = head("Measure", ident, library=["http://x.test/Library/l"], scoring={"coding": [{"system": "http://terminology.hl7.org/CodeSystem/measure-scoring", "code": "proportion"}]},
             group=[{"code": {"text": "g"}, "population": [{"code": kind("initial-population"), "criteria": dict(criteria)}, {"code": kind("numerator"), "criteria": dict(criteria)}, {"code": kind("denominator"), "criteria": dict(criteria)}], "stratifier": [{"code": {"text": "s"}, "criteria": dict(criteria)}]}])
    group = m["group"][0]
    return pick(rng, m, [
        lambda t: t.pop("library"), lambda t: group.pop("code"), lambda t: group["population"][0].pop("code"), lambda t: group["population"][0]["criteria"].pop("expression"), lambda t: group["population"][0]["criteria"].update(language="text/fhirpath", expression="a.("), lambda t: group["population"][0]["criteria"].update(language="bad"),
        lambda t: group["population"].pop(), lambda t: group["population"].append(copy.deepcopy(group["population"][0])), lambda t: t["group"].append(copy.deepcopy(group)), lambda t: group["stratifier"][0].update(component=[{"code": {"text": "c"}, "criteria": dict(criteria)}]), lambda t: group["stratifier"][0].pop("criteria"), lambda t: t.pop("group"),
        lambda t: t.update(scoring={"coding": [{"system": "http://terminology.hl7.org/CodeSystem/measure-scoring", "code": "zz"}]}), lambda t: t.pop("scoring"), lambda t: group["population"][0].update(code={"text": "x"}), lambda t: t.update(supplementalData=[{"criteria": dict(criteria)}]), lambda t: group["population"][0]["criteria"].update(language="text/fhirpath", expression="true")])


def capability(rng, ident):
    c = head("CapabilityStatement", ident, date="2020", kind="instance", fhirVersion="4.0.1", format=["json"], implementation={"description": "d"},
             rest=[{"mode": "server", "resource": [{"type": "Patient", "profile": CORE + "Patient", "supportedProfile": [f"{BASE}/StructureDefinition/named-organization"], "interaction": [{"code": "read"}], "searchParam": [{"name": "gender", "definition": "http://hl7.org/fhir/SearchParameter/individual-gender", "type": "token"}]}]}])
    rest = c["rest"][0]
    resource = rest["resource"][0]
    return pick(rng, c, [
        lambda t: t.update(kind="capability"), lambda t: t.pop("implementation"), lambda t: t.update(kind="requirements"), lambda t: t.update(format=["xml", "bad"]), lambda t: t.update(fhirVersion="1.2.3"), lambda t: t.pop("rest"), lambda t: rest["resource"].append(copy.deepcopy(resource)), lambda t: resource.update(type="Foo"),
        lambda t: resource["interaction"].append({"code": "bad"}), lambda t: resource["searchParam"].append(copy.deepcopy(resource["searchParam"][0])), lambda t: resource["searchParam"][0].update(type="string"), lambda t: resource["searchParam"][0].update(definition="http://x.test/unknown"), lambda t: resource.update(profile="rel"),
        lambda t: resource.update(profile=CORE + "Observation"), lambda t: resource.update(supportedProfile=["http://x.test/unknown"]), lambda t: rest.update(mode="bad"), lambda t: t["rest"].append(copy.deepcopy(rest)), lambda t: rest.update(operation=[{"name": "x"}]), lambda t: rest.update(operation=[{"name": "$x", "definition": "http://x.test/o"}]),
        lambda t: t.update(messaging=[{"documentation": "x"}]), lambda t: t.update(document=[{"mode": "producer", "profile": CORE + "Patient"}] * 2), lambda t: t.update(instantiates=["rel"]), lambda t: resource.update(versioning="bad"), lambda t: resource.update(referencePolicy=["literal", "x"]), lambda t: t.pop("description")])


MAKERS = [code_system, code_system, value_set, value_set, value_set, concept_map, search_parameter, operation, structure, structure, structure, questionnaire, questionnaire, response, response, measure, capability]


def make(rng, count):
    cases = []
    for number in range(count):
        maker = rng.choice(MAKERS)
        case = maker(rng, f"{maker.__name__.replace('_', '-')}-{number}")
        cases.append((case["id"] if isinstance(case.get("id"), str) else maker.__name__, case))
    return [*synthetic.support(), synthetic.named_organization(), *questionnaires()], cases
