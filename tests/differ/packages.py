"""What the differential tests know about FHIR R4: the package of definitions, and the package cache that the HL7
validator reads (it knows R4 only as a package of its own name, which we make from the one that Firth is built from)."""
import json
import os
import tarfile

CONFORMANCE = {"StructureDefinition", "ValueSet", "CodeSystem", "SearchParameter", "OperationDefinition", "ConceptMap",
               "NamingSystem", "CompartmentDefinition"}


def files(tgz):
    """The resources of a package, as (name, bytes)."""
    with tarfile.open(tgz) as archive:
        for member in archive:
            name = os.path.basename(member.name)
            if member.isfile() and name.endswith(".json") and name not in ("package.json", ".index.json") \
                    and member.name.count("/") == 1:
                yield name, archive.extractfile(member).read()


def examples(tgz):
    """The instances in a package, wherever they are in it."""
    with tarfile.open(tgz) as archive:
        for member in archive:
            name = os.path.basename(member.name)
            if member.isfile() and name.endswith(".json") and name[0].isupper() and name.split("-")[0] not in CONFORMANCE and member.size < 60000:
                doc = json.loads(archive.extractfile(member).read())
                if "resourceType" in doc:
                    yield name[:-5], doc


def make_package(cache, name, version, canonical, kind, resources):
    place = f"{cache}/{name}#{version}/package"
    if os.path.exists(f"{place}/package.json"):
        return
    os.makedirs(place, exist_ok=True)
    for file, text in resources:
        with open(f"{place}/{file}", "wb") as out:
            out.write(text)
    with open(f"{place}/package.json", "w", encoding="utf-8") as out:
        json.dump({"name": name, "version": version, "type": kind, "canonical": canonical, "url": canonical,
                   "fhirVersions": ["4.0.1"], "dependencies": {}}, out)


def install(home, tgz):
    """Puts a package into the cache without what it depends on, and returns its name there."""
    with tarfile.open(tgz) as archive:
        told = json.load(archive.extractfile("package/package.json"))
    resources = ((n, t) for n, t in files(tgz) if n.split("-")[0] in CONFORMANCE | {"Questionnaire"})
    make_package(f"{home}/.fhir/packages", told["name"], told["version"], told.get("canonical", "http://x.test"), "IG", resources)
    return f"{told['name']}#{told['version']}"


def make_cache(home, definitions, terminology):
    """The home directory that the validator is started with."""
    cache = f"{home}/.fhir/packages"
    core = ((n, t) for n, t in files(definitions) if n.split("-")[0] in CONFORMANCE)
    make_package(cache, "hl7.fhir.r4.core", "4.0.1", "http://hl7.org/fhir", "Core", core)
    make_package(cache, "hl7.terminology.r4", "7.0.1", "http://terminology.hl7.org", "IG", files(terminology))
    make_package(cache, "hl7.fhir.xver-extensions", "0.1.0", "http://hl7.org/fhir/5.0", "IG", ())


class Model:
    """Types, elements and their cardinalities, as the snapshots of R4 tell them."""

    def __init__(self, definitions):
        self.elements, self.children, self.examples, self.extensions, self.profiles = {}, {}, [], {}, []
        self.systems = {}
        for name, text in files(definitions):
            kind = name.split("-")[0]
            if kind == "StructureDefinition":
                self.add(json.loads(text))
            elif kind == "CodeSystem":
                self.add_system(json.loads(text))
            if len(text) < 60000 and kind[0].isupper():
                self.examples.append((name, kind, text))

    def add_system(self, system):
        codes = [(c["code"], c.get("display")) for c in system.get("concept", [])]
        if codes and system.get("content") == "complete":
            self.systems[system["url"]] = codes

    def add(self, definition):
        if definition["type"] == "Extension" and definition.get("derivation") == "constraint":
            self.extensions[definition["url"]] = definition
        if definition.get("derivation") == "constraint":
            self.profiles.append((definition["type"], definition["url"]))
            return
        for element in definition.get("snapshot", {}).get("element", []):
            path = element["path"]
            self.elements[path] = element
            if "." in path:
                self.children.setdefault(path.rsplit(".", 1)[0], []).append(path)

    def child(self, path, key):
        """The element that a JSON property is, as (element, type)."""
        if key.startswith("_"):
            key = key[1:]
        base = path
        element = self.elements.get(path)
        if element and element.get("contentReference"):
            base = element["contentReference"].lstrip("#")
        found = self.elements.get(f"{base}.{key}")
        if found:
            return found, types_of(found)[0] if len(types_of(found)) == 1 else None
        for candidate in self.children.get(base, []):
            stem = candidate.rsplit(".", 1)[1]
            if stem.endswith("[x]") and key.startswith(stem[:-3]):
                for code in types_of(self.elements[candidate]):
                    if key == stem[:-3] + code[0].upper() + code[1:]:
                        return self.elements[candidate], code
        return None, None


def types_of(element):
    codes = [t["code"] for t in element.get("type", [])]
    return [c.rsplit(".", 1)[1].replace("String", "string").lower() if c.startswith("http") else c for c in codes] or ["BackboneElement"]


class Node:
    """One JSON property or item in a resource, with what the definitions say of it."""
    __slots__ = ("holder", "key", "element", "type", "name")

    def __init__(self, holder, key, element, kind, name):
        self.holder, self.key, self.element, self.type, self.name = holder, key, element, kind, name

    @property
    def value(self):
        return self.holder[self.key]

    @value.setter
    def value(self, value):
        self.holder[self.key] = value


def walk(model, thing, path, out):
    """All nodes below an object of the type or backbone path."""
    for key in list(thing):
        element, kind = model.child(path, key)
        if not element:
            continue
        inner = element["path"] if kind in (None, "BackboneElement", "Element") else kind
        value = thing[key]
        out.append(Node(thing, key, element, kind, key))
        items = [(thing, key)] if not isinstance(value, list) else [(value, i) for i in range(len(value))]
        for holder, at in items:
            item = holder[at]
            if isinstance(value, list):
                out.append(Node(holder, at, element, kind, key))
            if not isinstance(item, dict) or key.startswith("_"):
                continue
            walk(model, item, item.get("resourceType", inner) if kind == "Resource" else inner, out)
    return out
