"""Plausible mistakes: each function here makes one in a resource and says whether it could. Those for texts of XML are in
mutate_xml.py."""
import copy

BAD = {
    "date": ["2020-13-01", "2020-02-30", "20200101", "2020-1-1", "2020-01-01T00:00:00Z", "yesterday", "20", "2020-00", "12020-01-01", " 2020-01-01"],
    "dateTime": ["2020-01-01T10:00", "2020-01-01T10:00:00", "2020-01-01T25:00:00Z", "2020-01-01 10:00:00Z", "2020-01-01T10:60:00Z", "2020-01-01T10:00:00+15:00", "2020-02-30T10:00:00Z", "10:00", "2020-01-01T10Z", "2020-01-01T10:00:00z"],
    "instant": ["2020-01-01", "2020-01-01T10:00:00", "2020-01-01T10:00Z", "2020-13-01T10:00:00Z", "2020", "2020-01-01T24:00:00Z"],
    "time": ["25:00:00", "10:00", "10:00:00Z", "10", "T10:00:00", "10:00:61"],
    "id": ["a b", "a_b", "x" * 65, "a/b", "ä", " a", "a,b"],
    "uri": ["a b", " http://x.org", "urn:oid:abc", "urn:uuid:1234", "urn:uuid:53FEFA32-FCBB-4FF8-8A92-55EE120877B7", "http:// x", "urn:oid:1.02.3", "http://example.org/{x}", "http://example.org/|1"],
    "url": ["a b", "not a url", "http:// x", "ftp//x"],
    "canonical": ["a b", "Patient", "http://x.org/y z", "#none", "http://example.org/fhir/ValueSet/x|1|2"],
    "oid": ["1.2.3", "urn:oid:3.1.2", "urn:oid:1.02", "urn:oid:a", "urn:oid:1"],
    "uuid": ["53fefa32-fcbb-4ff8-8a92-55ee120877b7", "urn:uuid:53fefa32", "urn:uuid:53FEFA32-FCBB-4FF8-8A92-55EE120877B7"],
    "code": ["a  b", " a", "a ", "a\tb", "not-a-code", "x\ny", "A B"],
    "base64Binary": ["abc", "ab=c", "%%%%", "YWJj ZGVm", "YQ", "YQ==="],
    "decimal": ["1.0", True, "NaN", "1e"],
    "integer": ["5", 1.5, 3000000000, -3000000000, True, "+1", "x"],
    "positiveInt": [0, -1, "1", 1.0, 3000000000],
    "unsignedInt": [-1, "0", 1.5, 3000000000],
    "boolean": ["true", 1, "yes", 0],
    "string": ["", " ", 5, True, " leading", "trailing ", "a\u0001b", "a\u0000b", "\u202etxet", "a\rb"],
    "markdown": ["", " ", 5, "<script>x</script>", "a <b>bold</b> move"],
    "xhtml": ["<p>x</p>", "x", "<div>no namespace</div>"],
}
GOOD = {
    "date": ["1900", "2020-02", "2024-02-29", "0001-01-01"],
    "dateTime": ["2020", "2020-02", "2020-01-01", "2020-01-01T10:00:00.123456789Z", "2020-01-01T23:59:60Z", "2020-01-01T10:00:00-14:00", "2020-01-01T10:00:00+14:00", "1492-10-12"],
    "instant": ["2020-01-01T10:00:00.1+05:30", "2020-01-01T23:59:60Z"],
    "time": ["10:00:00.5", "23:59:60", "00:00:00"],
    "id": ["A-1.b", "x" * 64, "."],
    "uri": ["urn:oid:1.2.840.113619", "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", "http://example.org/a?b=c#d", "mailto:x@example.org", "tel:+1", "x", "http://example.org/%20"],
    "url": ["http://example.org/a?b", "mailto:a@b.org", "urn:oid:1.2.3"],
    "canonical": ["http://example.org/fhir/ValueSet/x|1.0", "http://example.org/fhir/ValueSet/x#frag", "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"],
    "oid": ["urn:oid:1.2.3", "urn:oid:2.16.840.1.113883"],
    "decimal": [0, -0.0, 1e3, 0.000000000000001, 12345678901234567890, -5],
    "integer": [0, -1, 2147483647, -2147483648],
    "positiveInt": [1, 2147483647],
    "unsignedInt": [0, 2147483647],
    "string": ["x" * 5000, "a\nb", "ünïcode", "\ttab", "a\u00a0b", "😀"],
    "markdown": ["# x\n* a", "a < b"],
    "base64Binary": ["YWJj", "", "YQ==", "YWJj\nZGVm"],
    "code": ["a b", "A"],
}
NARRATIVES = ["<div xmlns=\"http://www.w3.org/1999/xhtml\"></div>", "<div xmlns=\"http://www.w3.org/1999/xhtml\"> </div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>x</script></div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p onclick=\"x\">x</p></div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>x</div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><form>x</form></div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><img src=\"x\"/></div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><a name=\"x\" href=\"#y\">x</a></div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\">&nbsp;x &unknown;</div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>x<!-- c --></p><?pi x?></div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><table><tr><td colspan=\"2\" bgcolor=\"x\">x</td></tr></table></div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\" xml:lang=\"en\" style=\"x\" class=\"x\" id=\"x\">x</div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><object/><iframe/>x</div>", "<p xmlns=\"http://www.w3.org/1999/xhtml\">x</p>",
              "<div>x</div>", "<div xmlns=\"http://example.org\">x</div>", "<h:div xmlns:h=\"http://www.w3.org/1999/xhtml\">x</h:div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a & b</p></div>", "text <div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><style>p {}</style>x</div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><b>x</b><u>y</u><font size=\"1\">z</font><center>c</center></div>",
              "<div xmlns=\"http://www.w3.org/1999/xhtml\"><img src=\"#x\" alt=\"x\"/></div>",
              "<?xml version=\"1.0\"?><div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"]
REFERENCES = ["Patient", "Patient/", "/Patient/1", "patient/1", "Patient/a b", "Foo/1", "#nothing", "#", "http://example.org/fhir/Patient/1",
              "Patient/1/_history/2", "Patient/1/_history/", "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", "urn:uuid:xyz", "urn:oid:1.2.3",
              "Observation/1", "Practitioner/1", "Patient?identifier=x", "Patient/1#x", "Group/1", "Location/1", "Device/1", "Medication/1",
              "Patient/" + "x" * 65, "Patient/1/2", "http://example.org/x", "Patient/1?x"]
PRIMITIVES = set(BAD) | set(GOOD)


def is_primitive(node):
    return node.type in PRIMITIVES and not (isinstance(node.name, str) and node.name.startswith("_"))


def pick(rng, nodes, test):
    fit = [n for n in nodes if test(n)]
    return rng.choice(fit) if fit else None


def leaf(node):
    return is_primitive(node) and not isinstance(node.value, (dict, list))


def set_form(rng, model, doc, nodes, forms):
    kinds = sorted({n.type for n in nodes if leaf(n) and n.type in forms})
    if not kinds:
        return False
    kind = rng.choice(kinds)
    pick(rng, nodes, lambda n: leaf(n) and n.type == kind).value = rng.choice(forms[kind])
    return True


def bad_form(rng, model, doc, nodes):
    return set_form(rng, model, doc, nodes, BAD)


def rare_form(rng, model, doc, nodes):
    return set_form(rng, model, doc, nodes, GOOD)


def remove_required(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: isinstance(n.holder, dict) and n.element.get("min", 0) > 0)
    if node:
        del node.holder[node.key]
    return bool(node)


def remove_any(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: isinstance(n.holder, dict) and n.key != "resourceType")
    if node:
        del node.holder[node.key]
    return bool(node)


def odd_value(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: True)
    if node:
        node.value = rng.choice([None, [], {}, "", [None], [{}], 0, False, "x", {"x": 1}, [[]], {"resourceType": "Patient"}])
    return bool(node)


def wrap_or_unwrap(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: isinstance(n.holder, dict))
    if not node:
        return False
    value = node.value
    node.value = value[0] if isinstance(value, list) and value else [value]
    return True


def repeat_item(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: isinstance(n.value, list) and n.value)
    if node:
        node.value.append(copy.deepcopy(rng.choice(node.value)))
    return bool(node)


def reorder(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: isinstance(n.value, list) and len(n.value) > 1)
    if node:
        rng.shuffle(node.value)
    return bool(node)


def unknown_property(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: isinstance(n.value, dict))
    thing = node.value if node and rng.random() < 0.7 else doc
    thing[rng.choice(["unknown", "Name", "_unknown", "value", "fhir_comments", "valueFoo", "resourceType", "$x", "text", "extension2"])] = \
        rng.choice(["x", {"a": 1}, [1]])
    return True


def duplicate_key(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: isinstance(n.holder, dict))
    if node:
        node.holder[node.key + "\0"] = copy.deepcopy(node.value)
    return bool(node)


def rename_choice(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: isinstance(n.holder, dict) and n.element["path"].endswith("[x]") and not n.key.startswith("_"))
    if not node:
        return False
    stem = node.element["path"].rsplit(".", 1)[1][:-3]
    new = stem + rng.choice(["String", "Boolean", "Quantity", "CodeableConcept", "DateTime", "Period", "Reference", "Integer", "Foo", "", "Ratio", "Age"])
    value = copy.deepcopy(node.value)
    if rng.random() < 0.6:
        del node.holder[node.key]
    node.holder[new] = rng.choice([value, "x", {"value": 1}, True])
    return True


def bad_code(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: n.element.get("binding", {}).get("strength") == "required" and n.type == "code" and isinstance(n.value, str))
    if node:
        node.value = rng.choice(["nonsense", node.value.upper(), node.value + " ", "", "active", "final", "unknown"])
    return bool(node)


def coding(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: n.type == "Coding" and isinstance(n.value, dict))
    if not node:
        return False
    c = node.value
    system = rng.choice(sorted(model.systems))
    code, display = rng.choice(model.systems[system])
    choice = rng.randrange(8)
    if choice == 0:
        c["code"] = "nonsense"
    elif choice == 1:
        c["display"] = "wrong display"
    elif choice == 2:
        c.pop("system", None)
    elif choice == 3:
        c["system"] = rng.choice(["http://example.org/none", "not absolute", "http://hl7.org/fhir/ValueSet/observation-status", "urn:oid:1.2.3", "http://snomed.info/sct/", "http://hl7.org/fhir/sid/us-ssn"])
    elif choice == 4:
        c.pop("code", None)
    elif choice == 5:
        c.clear()
        c.update({"system": system, "code": code})
    elif choice == 6:
        c.clear()
        c.update({"system": system, "code": code, "display": (display or "x").upper()})
    else:
        c.clear()
        c.update({"system": system, "code": "nonsense"})
    return True


def quantity(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: n.type in ("Quantity", "Age", "Duration", "SimpleQuantity", "Range", "Ratio", "Money") and isinstance(n.value, dict))
    if not node:
        return False
    q = node.value
    choice = rng.randrange(7)
    if choice == 0:
        q.pop("system", None)
    elif choice == 1:
        q.update({"system": "http://unitsofmeasure.org", "code": rng.choice(["nonsense", "kg", "mmhg", "{x}", "mg/dl", "10*3/uL", "[degF]", "k g", "1", "%"])})
    elif choice == 2:
        q["comparator"] = rng.choice(["<", "<=", "==", ">", "ad"])
    elif choice == 3:
        q["value"] = rng.choice(["5", -5, 0, 1e400 if False else 1e30, None])
    elif choice == 4:
        q.pop("value", None)
    elif choice == 5:
        q.pop("unit", None)
    else:
        q["unit"] = rng.choice(["furlong", "", "kg"])
    return True


def reference(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: n.type == "Reference" and isinstance(n.value, dict))
    if not node:
        return False
    choice = rng.randrange(6)
    if choice < 3:
        node.value["reference"] = rng.choice(REFERENCES)
    elif choice == 3:
        node.value["type"] = rng.choice(["Patient", "Foo", "http://hl7.org/fhir/StructureDefinition/Patient", "Observation", "Device"])
    elif choice == 4:
        node.value.pop("reference", None)
    else:
        node.value["identifier"] = rng.choice([{"system": "relative", "value": "1"}, {"value": "x"}, {"system": "urn:ietf:rfc:3986", "value": "notauri"}, {"use": "bad"}])
    return True


def contained(rng, model, doc, nodes):
    inner = {"resourceType": rng.choice(["Patient", "Organization", "Observation", "Practitioner"]), "id": rng.choice(["c1", "#c1", "c1"])}
    if inner["resourceType"] == "Observation":
        inner.update({"status": "final", "code": {"text": "x"}})
    if inner["resourceType"] == "Organization":
        inner["name"] = "x"
    choice = rng.randrange(6)
    if choice == 0:
        inner.pop("id")
    elif choice == 1:
        inner["contained"] = [{"resourceType": "Patient", "id": "c2"}]
    elif choice == 2:
        inner["meta"] = rng.choice([{"versionId": "1"}, {"lastUpdated": "2020-01-01T00:00:00Z"}, {"profile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}, {"security": [{"code": "x"}]}])
    elif choice == 3:
        inner["text"] = {"status": "generated", "div": NARRATIVES[21].replace("img src=\"#x\" alt=\"x\"/", "p>x</p")}
    if "resourceType" not in doc or doc["resourceType"] in ("Bundle", "Parameters", "Binary"):
        return False
    doc.setdefault("contained", []).append(inner)
    if choice == 4:
        doc["contained"].append(copy.deepcopy(inner))
    node = pick(rng, nodes, lambda n: n.type == "Reference" and isinstance(n.value, dict))
    if node and rng.random() < 0.7:
        node.value["reference"] = "#" + inner.get("id", "c1").strip("#")
    return True


def narrative(rng, model, doc, nodes):
    div = rng.choice(NARRATIVES)
    status = rng.choice(["generated", "generated", "additional", "extensions", "empty", "wrong"])
    if doc.get("resourceType") in ("Bundle", "Parameters", "Binary"):
        return False
    doc["text"] = {"status": status, "div": div}
    return True


def extension(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: isinstance(n.value, dict) and n.type not in ("Resource", "xhtml") and not n.name.startswith("_"))
    holder = doc if not node or rng.random() < 0.4 else node.value
    url = rng.choice(sorted(model.extensions))
    known = model.extensions[url]
    values = [e for e in known["snapshot"]["element"] if e["path"] == "Extension.value[x]"]
    kinds = types_of_values(values)
    ext = {"url": url}
    if kinds and rng.random() < 0.7:
        ext.update(sample(rng, rng.choice(kinds)))
    else:
        ext.update(sample(rng, rng.choice(["string", "boolean", "code", "Reference", "CodeableConcept", "Quantity", "date"])))
    choice = rng.randrange(9)
    if choice == 0:
        ext.pop("url")
    elif choice == 1:
        ext["url"] = rng.choice(["http://example.org/unknown", "relative", "", "http://hl7.org/fhir/StructureDefinition/nothing"])
    elif choice == 2:
        ext["extension"] = [{"url": "x", "valueString": "y"}]
    elif choice == 3:
        ext = {"url": ext["url"]}
    key = "modifierExtension" if rng.random() < 0.15 else "extension"
    if doc.get("resourceType") in ("Bundle", "Parameters", "Binary") and holder is doc:
        return False
    holder.setdefault(key, [])
    if isinstance(holder[key], list):
        holder[key].append(ext)
    return True


def types_of_values(values):
    return [t["code"] for v in values if v.get("max") != "0" for t in v.get("type", [])]


def sample(rng, kind):
    values = {"string": "x", "boolean": True, "code": "x", "Reference": {"reference": "Patient/1"}, "CodeableConcept": {"text": "x"}, "uri": "http://example.org",
              "Quantity": {"value": 1}, "date": "2020", "dateTime": "2020", "integer": 1, "decimal": 1.5, "Coding": {"system": "http://example.org/x", "code": "x"},
              "url": "http://example.org", "canonical": "http://example.org/x", "Period": {"start": "2020"}, "Identifier": {"value": "x"},
              "instant": "2020-01-01T00:00:00Z", "positiveInt": 1, "unsignedInt": 0, "markdown": "x", "id": "x", "Age": {"value": 1, "system": "http://unitsofmeasure.org", "code": "a"}}
    return {"value" + kind[0].upper() + kind[1:]: values.get(kind, {"text": "x"})}


def primitive_extension(rng, model, doc, nodes):
    node = pick(rng, nodes, lambda n: leaf(n) and isinstance(n.holder, dict))
    if not node:
        return False
    node.holder["_" + node.key] = rng.choice([
        {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": rng.choice(["unknown", "nonsense"])}]},
        {"id": rng.choice(["a", "a b", ""])}, {}, None, "x", [{}], {"extension": []}, {"value": "x"}, {"extension": [{"url": "http://example.org/none", "valueString": "x"}]}])
    if rng.random() < 0.4:
        del node.holder[node.key]
    return True


def meta(rng, model, doc, nodes):
    same = [u for t, u in model.profiles if t == doc.get("resourceType")]
    doc.setdefault("meta", {}).update(rng.choice([
        {"profile": [rng.choice(same)]} if same else {"profile": ["http://hl7.org/fhir/StructureDefinition/none"]},
        {"profile": [rng.choice(same)]} if same else {"profile": ["http://example.org/none"]},
        {"profile": [rng.choice(["http://example.org/none", "relative", "http://hl7.org/fhir/StructureDefinition/Resource|4.0.1", "http://hl7.org/fhir/StructureDefinition/Patient|3.0"])]},
        {"versionId": "a b"}, {"tag": [{"code": "x"}]}, {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "Q"}]}, {"lastUpdated": "2020"}]))
    return True


def resource_id(rng, model, doc, nodes):
    doc["id"] = rng.choice(["a b", "x" * 65, "", "a_b", None, 5, "ok.1", "#x"])
    return True


def resource_type(rng, model, doc, nodes):
    doc["resourceType"] = rng.choice(["Foo", "patient", "", "DomainResource", "Resource", "HumanName", None, "Patient", "Observation"])
    return True


def bundle(rng, model, doc, nodes):
    if doc.get("resourceType") != "Bundle" or not doc.get("entry") or not isinstance(doc["entry"][0], dict):
        return False
    entries = doc["entry"]
    e = rng.choice(entries)
    choice = rng.randrange(14)
    if choice == 0:
        e.pop("fullUrl", None)
    elif choice == 1:
        e["fullUrl"] = rng.choice(["Patient/1", "urn:uuid:1", "http://example.org/fhir/Patient/other", "urn:oid:1.2.3", "http://example.org/fhir/Patient/1/_history/1", "urn:uuid:53FEFA32-FCBB-4FF8-8A92-55EE120877B7", "x"])
    elif choice == 2:
        entries.append(copy.deepcopy(e))
    elif choice == 3:
        e.pop("request", None)
    elif choice == 4:
        doc["type"] = rng.choice(["document", "message", "transaction", "transaction-response", "batch", "batch-response", "history", "searchset", "collection"])
    elif choice == 5:
        e["search"] = {"mode": rng.choice(["match", "include", "bad"]), "score": rng.choice([0.5, 2])}
    elif choice == 6:
        rng.shuffle(entries)
    elif choice == 7:
        e["request"] = {"method": rng.choice(["POST", "PUT", "GET", "post"]), "url": rng.choice(["Patient", "Patient/1", "x y"])}
    elif choice == 8:
        e["response"] = {"status": rng.choice(["200 OK", "x", ""])}
    elif choice == 9:
        doc["total"] = 3
    elif choice == 10:
        e.pop("resource", None)
    elif choice == 11:
        doc.pop(rng.choice(["identifier", "timestamp", "type"]), None)
    elif choice == 12:
        doc["link"] = [{"relation": "self", "url": "http://example.org"}, {"relation": rng.choice(["self", "next", "odd"]), "url": "http://example.org"}]
    else:
        e["resource"] = {"resourceType": "Patient", "id": rng.choice(["1", "other"])}
    return True


def swap_value(rng, model, doc, nodes):
    """The value of one element in the place of another of the same type."""
    one = pick(rng, nodes, lambda n: leaf(n))
    two = pick(rng, nodes, lambda n: one and leaf(n) and n.holder is not one.holder)
    if not two:
        return False
    one.value, two.value = two.value, one.value
    return True


ALL = [bad_form, bad_form, bad_form, rare_form, remove_required, remove_required, remove_any, remove_any, odd_value, wrap_or_unwrap, repeat_item, reorder,
       unknown_property, duplicate_key, rename_choice, bad_code, coding, coding, quantity, reference, reference, contained, narrative, narrative,
       extension, extension, primitive_extension, meta, resource_id, resource_type, bundle, bundle, bundle, swap_value]
