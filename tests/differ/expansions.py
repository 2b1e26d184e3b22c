"""Compares the expansions that Firth and HL7's expander make of random value sets over random code systems, as sets of codes.
usage: expansions.py FIRTH SEED COUNT. A value set that both refuse counts as agreement; one with a filter that the peer does not
know is counted apart. Codes and versions that do not exist are left out: Firth lists codes that a value set names even when the
code system at hand lacks them, since it may be a later release, and refuses versions that are not at hand."""
import json
import random
import subprocess
import sys
import tempfile

import peer
from synthetic import BASE


def code_system(rng, number, version="1"):
    """A hierarchy of up to thirty codes with properties."""
    count = rng.choice([5, 12, 30])
    concepts, tops = [], []
    for i in range(count):
        concept = {"code": f"c{i}", "display": f"{rng.choice(['Red', 'Green', 'blue'])} thing {i}",
                   "property": [{"code": "rank", "valueInteger": rng.randrange(4)}, {"code": "colour", "valueString": rng.choice(["red", "green"])}]}
        if rng.random() < 0.15:
            concept["property"].append({"code": "inactive", "valueBoolean": True})
        if rng.random() < 0.15:
            concept["property"].append({"code": "notSelectable", "valueBoolean": True})
        if rng.random() < 0.3:
            concept["property"].append({"code": "kind", "valueCode": f"c{rng.randrange(count)}"})
        if rng.random() < 0.2:
            concept["designation"] = [{"language": "de", "value": f"Ding {i}"}]
        if concepts and rng.random() < 0.6:
            rng.choice(concepts).setdefault("concept", []).append(concept)
        else:
            tops.append(concept)
        concepts.append(concept)
    return {"resourceType": "CodeSystem", "id": f"s{number}-{version}", "url": f"{BASE}/CodeSystem/s{number}", "version": version, "name": f"S{number}", "status": "active", "content": "complete", "caseSensitive": rng.random() < 0.7, "hierarchyMeaning": "is-a",
            "property": [{"code": "rank", "type": "integer"}, {"code": "colour", "type": "string"}, {"code": "kind", "type": "code"}, {"code": "inactive", "uri": "http://hl7.org/fhir/concept-properties#inactive", "type": "boolean"},
                         {"code": "notSelectable", "uri": "http://hl7.org/fhir/concept-properties#notSelectable", "type": "boolean"}], "concept": tops}


def supplement(rng, number):
    return {"resourceType": "CodeSystem", "id": f"x{number}", "url": f"{BASE}/CodeSystem/x{number}", "version": "1", "name": f"X{number}", "status": "active", "content": "supplement", "supplements": f"{BASE}/CodeSystem/s{number}",
            "concept": [{"code": "c0", "designation": [{"language": "fr", "value": "chose"}]}]}


def a_filter(rng):
    code = f"c{rng.randrange(12)}"
    return rng.choice([
        {"property": "concept", "op": "is-a", "value": code}, {"property": "concept", "op": "descendent-of", "value": code}, {"property": "concept", "op": "is-not-a", "value": code}, {"property": "concept", "op": "is-a", "value": "c0"},
        {"property": "concept", "op": "=", "value": code}, {"property": "concept", "op": "in", "value": f"{code},c1"}, {"property": "concept", "op": "not-in", "value": f"{code},c1"}, {"property": "code", "op": "regex", "value": "c1.*"},
        {"property": "rank", "op": "=", "value": "1"}, {"property": "colour", "op": "=", "value": "red"}, {"property": "kind", "op": "exists", "value": "true"}, {"property": "kind", "op": "exists", "value": "false"}, {"property": "kind", "op": "=", "value": code},
        {"property": "inactive", "op": "=", "value": "true"}, {"property": "rank", "op": "in", "value": "1,2"}, {"property": "colour", "op": "regex", "value": "r.*"}, {"property": "nothing", "op": "=", "value": "x"}])


def part(rng, before):
    system = {"system": f"{BASE}/CodeSystem/s{rng.randrange(3)}"}
    choice = rng.randrange(8)
    if choice < 3:
        system["filter"] = [a_filter(rng) for _ in range(rng.choice([1, 1, 2]))]
    elif choice < 5:
        system["concept"] = [{"code": f"c{i}"} for i in sorted(rng.sample(range(5), rng.choice([1, 3])))]
    elif choice == 5 and before:
        system["valueSet"] = [rng.choice(before)["url"]]
    elif choice == 6 and before:
        system = {"valueSet": [v["url"] for v in rng.sample(before, min(len(before), rng.choice([1, 1, 2])))]}
    if rng.random() < 0.15 and "system" in system:
        system["version"] = rng.choice(["1", "2"]) if system["system"].endswith("s0") else "1"
    return system


def value_set(rng, number, before):
    compose = {"include": [part(rng, before) for _ in range(rng.choice([1, 1, 2, 3]))]}
    if rng.random() < 0.4:
        compose["exclude"] = [part(rng, before) for _ in range(rng.choice([1, 1, 2]))]
    if rng.random() < 0.25:
        compose["inactive"] = rng.random() < 0.5
    return {"resourceType": "ValueSet", "id": f"v{number}", "url": f"{BASE}/ValueSet/v{number}", "name": f"V{number}", "status": "active", "compose": compose}


def codes(value_set_json):
    """Pairs of system and code at any level; headings and abstract codes that only group do not count."""
    out, todo = set(), list(value_set_json.get("expansion", {}).get("contains", []))
    while todo:
        entry = todo.pop()
        todo.extend(entry.get("contains", []))
        if "code" in entry and not entry.get("abstract"):
            out.add((entry.get("system"), entry["code"]))
    return out


def shown(found):
    return " ".join(f"{s.rsplit('/', 1)[1]}#{c}" for s, c in sorted(found))[:150]


def main():
    firth, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    directory = tempfile.mkdtemp(prefix="firth-expansions-")
    rng = random.Random(seed)
    definitions = [code_system(rng, n) for n in range(3)] + [code_system(rng, 0, "2"), supplement(rng, 1)]
    sets = []
    while len(sets) < count:
        sets.append(value_set(rng, len(sets), sets[-12:]))
    agree = differ = unasked = 0
    with peer.Peer() as other:
        other.load(directory, [*definitions, *sets])
        for definition in sets:
            file = f"{directory}/{definition['id']}.json"
            theirs = other.ask("expand", file)
            done = subprocess.run([firth, "code", "expand", "--package", directory, "--format", "json", file], capture_output=True, text=True, check=False)
            refused = theirs.get("crash") or theirs.get("error")
            if refused and ("not supported" in refused or "Unable to expand included" in refused):
                unasked += 1
                continue
            if refused or done.returncode != 0:
                line = "" if refused and done.returncode != 0 else f"ours: {done.stderr.strip()[:160] or shown(codes(json.loads(done.stdout)))}; theirs: {(refused or shown(codes(theirs)))[:160]}"
            else:
                mine, yours = codes(json.loads(done.stdout)), codes(theirs)
                line = "" if mine == yours else f"ours besides: {shown(mine - yours)}; theirs besides: {shown(yours - mine)}"
            agree += not line
            differ += bool(line)
            if line:
                print(f"{file}: {line} {json.dumps(definition['compose'])}", flush=True)
    print(f"{agree} agree, {differ} differ, {unasked} not known to the peer")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
