"""Compares `firth validate` with the HL7 Java validator on resources with seeded mistakes: the verdict (any error or
none) and the place of the first error. usage: validate.py FIRTH SEED COUNT [--keep DIR | --again DIR] [--only MISTAKE] [--xml SHARE] [--profiles | --conformance]
Each difference is printed in one line with the input's name; the inputs stay in DIR.
"""
import argparse
import copy
import glob
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import conform
import mutate
import mutate_xml
import packages
import peer
import synthetic

HERE = os.path.dirname(os.path.abspath(__file__))


def write_json(doc):
    """A key may occur twice: it is marked with NULs behind it."""
    return json.dumps(doc, ensure_ascii=False, indent=1).replace("\\u0000\":", "\":")


def plain(path):
    """One form for the locations of both. The whole document has several names there."""
    if path in ("(document)", "(xml)", "$") or path.startswith("(syntax"):
        return ""
    path = re.sub(r"/\*.*?\*/", "", path)
    path = re.sub(r"\.ofType\(\w+\)", "", path)
    path = re.sub(r"\[url='[^']*'\]", "", path)
    path = re.sub(r"\[0\]", "", path).replace("[x]", "")
    path = re.sub(r"(f:|/)", lambda m: "." if m.group(0) == "/" else "", path)
    path = re.sub(r"\.+", ".", path).strip(".")
    return path


def errors(issues):
    return [i for i in issues if i["severity"] in ("error", "fatal")]


class Corpus:
    """What is mutated: examples of R4, of US Core, Synthea's resources where FIRTH_ASSETS has them, and our own."""

    def __init__(self, model, package):
        self.items = [(name[:-5], json.loads(text)) for name, kind, text in model.examples
                      if kind not in packages.CONFORMANCE and len(text) < 30000]
        conformance = [(name[:-5], text) for name, kind, text in model.examples if kind in packages.CONFORMANCE and len(text) < 15000]
        self.conformance = conformance
        assets = os.environ.get("FIRTH_ASSETS", "")
        for file in sorted(glob.glob(f"{assets}/synthea-2019-bundles/**/*.json", recursive=True))[:4]:
            with open(file, encoding="utf-8") as source:
                for i, entry in enumerate(json.load(source).get("entry", [])[:150]):
                    self.items.append((f"synthea-{i}-{entry['resource']['resourceType']}", entry["resource"]))
        if package:
            self.conformance, self.items = [], list(packages.examples(package))
        self.items = [(n, d) for n, d in self.items if "resourceType" in d]
        self.by_type = {}
        for name, doc in self.items:
            self.by_type.setdefault(doc["resourceType"], []).append((name, doc))

    def choose(self, rng):
        if self.conformance and rng.random() < 0.15:
            name, text = rng.choice(self.conformance)
            return name, json.loads(text)
        kinds = sorted(self.by_type)
        kind = "Bundle" if rng.random() < 0.08 and "Bundle" in kinds else rng.choice(kinds)
        name, doc = rng.choice(self.by_type[kind])
        return name, copy.deepcopy(doc)


def make_case(rng, model, corpus, only):
    for _ in range(1000):
        name, doc = corpus.choose(rng)
        labels = []
        for _ in range(rng.choice([1, 1, 1, 2])):
            change = only or rng.choice(mutate.ALL)
            nodes = packages.walk(model, doc, doc["resourceType"], []) if isinstance(doc.get("resourceType"), str) else []
            if nodes and change(rng, model, doc, nodes):
                labels.append(change.__name__)
        if labels:
            return f"{name}-{'-'.join(labels)}", write_json(doc)
    raise SystemExit("no case could be made")


def make_xml(rng, firth, corpus, work):
    while True:
        name, doc = corpus.choose(rng)
        place = f"{work}/source.json"
        with open(place, "w", encoding="utf-8") as out:
            json.dump(doc, out)
        done = subprocess.run([firth, "convert", "--to", "xml", place], capture_output=True, text=True, check=False)
        change = rng.choice(mutate_xml.ALL)
        text = change(rng, done.stdout) if done.returncode == 0 else None
        if text:
            return f"{name}-{change.__name__}", text


def firth_findings(firth, files, extra):
    done = subprocess.run([firth, "validate", "--format", "json", "--extensions-must-be-known", "--displays-must-match", "--max-findings", "1000",
                           *extra, *files], capture_output=True, text=True, check=False)
    found = {}
    answer = json.loads(done.stdout)
    outcomes = [e["resource"] for e in answer["entry"]] if answer["resourceType"] == "Bundle" else [answer]
    for outcome in outcomes:
        file = [e["valueString"] for e in outcome["extension"] if e["url"].endswith("operationoutcome-file")][0]
        found[os.path.basename(file)] = [
            {"severity": i["severity"], "location": (i.get("expression") or [""])[0], "text": i.get("details", {}).get("text") or i.get("diagnostics", ""),
             "id": "".join(e.get("valueString", e.get("valueCode", "")) for e in i.get("extension", []) if e["url"].endswith("message-id"))} for i in outcome["issue"]]
    return found


def bare(path):
    """As the peer tells places in XML that it cannot read: names of XML, without positions."""
    return re.sub(r"\[\d+\]", "", re.sub(r"\.(\w+)\.ofType\((\w)(\w*)\)", lambda m: f".{m[1]}{m[2].upper()}{m[3]}", path))


def same_place(ours, error):
    theirs = error["location"]
    if error["id"] == "crash" or error["text"].startswith("Error parsing JSON:"):
        return True
    if "/f:" in theirs or ("." not in theirs and "element '" in error["text"]):
        # in Bundles they begin with the resource
        tail = plain(theirs).partition(".")[2]
        return bare(ours).endswith("." + tail if tail else plain(theirs)) or not tail
    if error["id"].startswith(("BUNDLE_ENTRY_URL", "BUNDLE_BUNDLE_ENTRY_FULLURL", "Bundle_BUNDLE_Entry_NoFullUrl")):
        return ours.startswith("Bundle.entry[") # the peer says entry[0], whatever the entry
    if error["id"] == "BUNDLE_BUNDLE_ENTRY_NOTFOUND_APPARENT":
        return f"({ours})" in error["text"]
    if "[x]" in theirs: # a choice, whatever its type
        pattern = r"[A-Z]\w*".join(re.escape(plain(part)) for part in theirs.split("[x]"))
        return bool(re.search(pattern, bare(ours))) or plain(ours).startswith(plain(theirs))
    return plain(ours) == plain(theirs) or (error["id"] == "_DT_Fixed_Wrong" and bare(ours) == plain(theirs))


def compare(ours, theirs):
    """'' when they agree, or what differs."""
    say = lambda e: f"{e['location']}: {e['text'][:170]} [{e['id']}]"
    if not ours and theirs:
        return "MISSED " + say(theirs[0])
    if ours and not theirs:
        return "FALSE " + say(ours[0])
    if ours and not any(same_place(ours[0]["location"], e) for e in theirs):
        return "PATH ours " + say(ours[0]) + " -- theirs " + say(theirs[0])
    return ""


class Known:
    """Errors that count for nothing: "theirs PATTERN -- REASON" and "ours PATTERN -- REASON", the pattern being searched in
    "LOCATION: TEXT [ID]" of one error."""

    def __init__(self, file):
        self.rules = {"ours": [], "theirs": []}
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                if line.strip() and not line.startswith("#"):
                    rule, _, reason = line.rstrip("\n").partition(" -- ")
                    side, _, pattern = rule.partition(" ")
                    self.rules[side].append((re.compile(pattern), reason))

    def left(self, side, findings, others):
        """The errors that are not excused; ours are only where the peer has none."""
        return [e for e in errors(findings) if (side == "ours" and any(same_place(e["location"], o) for o in errors(others)))
                or not any(p.search(f"{e['location']}: {e['text']} [{e['id']}]") for p, _ in self.rules[side])]


def write(place, text):
    with open(place, "w", encoding="utf-8", errors="surrogatepass") as out:
        out.write(text)


def empty(directory):
    os.makedirs(f"{directory}/support", exist_ok=True)
    for old in glob.glob(f"{directory}/*.*") + glob.glob(f"{directory}/support/*"):
        os.unlink(old)


def make_synthetic(options, directory):
    """Definitions into support/, in the order of need, and instances."""
    definitions, cases = (synthetic if options.profiles else conform).make(random.Random(options.seed), options.count)
    for i, definition in enumerate(definitions):
        write(f"{directory}/support/{i:04}-{definition['id']}.json", write_json(definition))
    for i, (name, case) in enumerate(cases):
        write(f"{directory}/{i:05}-{name}.json", write_json(case))


def make_mutants(options, directory):
    work = tempfile.mkdtemp(prefix="firth-differ-work-")
    rng = random.Random(options.seed)
    model = packages.Model(peer.definitions())
    corpus = Corpus(model, options.package)
    only = getattr(mutate, options.only) if options.only else None
    for i in range(options.count):
        form = "xml" if rng.random() < options.xml and not only else "json"
        name, text = make_xml(rng, options.firth, corpus, work) if form == "xml" else make_case(rng, model, corpus, only)
        write(f"{directory}/{i:05}-{name}.{form}", text)


def inputs(directory):
    return sorted(f for f in os.listdir(directory) if f.endswith((".json", ".xml")))


def asked(directory, package):
    """The peer's findings for each input; they are written beside it."""
    with peer.Peer() as other:
        if package and "crash" in (answer := other.ask("package", packages.install(other.home, package))):
            print(f"{package}: {answer['crash']}")
        for file in sorted(glob.glob(f"{directory}/support/*")):
            answer = other.ask("load", file)
            if "crash" in answer:
                print(f"{file}: {answer['crash']}")
        for file in inputs(directory):
            answer = other.ask("validate", f"{directory}/{file}", "")
            crash = [{"severity": "fatal", "location": "crash", "text": answer.get("crash"), "id": "crash"}]
            theirs = crash if "crash" in answer else answer["issues"]
            with open(f"{directory}/{file}.theirs", "w", encoding="utf-8") as out:
                json.dump(theirs, out, indent=1)
            yield file, theirs


def kept(directory):
    for file in inputs(directory):
        if os.path.exists(f"{directory}/{file}.theirs"):
            with open(f"{directory}/{file}.theirs", encoding="utf-8") as answer:
                yield file, json.load(answer)


def judge(options, directory, answers):
    support = f"{directory}/support"
    extra = ["--package", support] if os.path.isdir(support) and os.listdir(support) else []
    extra += ["--package", options.package] if options.package else []
    ours = firth_findings(options.firth, [f"{directory}/{f}" for f in inputs(directory)], extra)
    known = Known(f"{HERE}/known/validate.txt")
    agree = differ = excused = 0
    for file, theirs in answers:
        if any(e["id"] == "Validation_VAL_Profile_NoSnapshot" for e in theirs):
            excused += 1 # it makes no snapshot of a differential that contradicts its base; Firth keeps what the base says
            continue
        left = known.left("theirs", theirs, [])
        difference = compare(known.left("ours", ours[file], left), left)
        if difference:
            differ += 1
            print(f"{file}: {difference}", flush=True)
        elif compare(errors(ours[file]), errors(theirs)):
            excused += 1
        else:
            agree += 1
    print(f"{agree} agree, {differ} differ, {excused} differ as known")
    return 1 if differ else 0


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("firth")
    parse.add_argument("seed", type=int)
    parse.add_argument("count", type=int)
    parse.add_argument("--keep", help="a directory for the inputs and the peer's answers")
    parse.add_argument("--again", help="such a directory, whose answers are taken instead of asking")
    parse.add_argument("--package", help="a FHIR package (.tgz) whose examples are mutated, with its profiles at hand")
    parse.add_argument("--only", help="one kind of mistake, by its name in mutate.py")
    parse.add_argument("--profiles", action="store_true", help="random profiles and instances for them instead of mutants")
    parse.add_argument("--conformance", action="store_true", help="random definitions, questionnaires and responses instead of mutants")
    parse.add_argument("--xml", type=float, default=0.2, help="the share of XML")
    options = parse.parse_args()
    if options.again:
        return judge(options, options.again, kept(options.again))
    directory = options.keep or tempfile.mkdtemp(prefix="firth-differ-")
    empty(directory)
    (make_synthetic if options.profiles or options.conformance else make_mutants)(options, directory)
    return judge(options, directory, asked(directory, options.package))


if __name__ == "__main__":
    sys.exit(main())
