"""Compares `firth validate` with the HL7 Java validator on resources with seeded mistakes: the verdict (any error or
none) and the place of the first error. usage: validate.py FIRTH SEED COUNT [--keep DIR] [--only MISTAKE] [--xml SHARE]
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

import mutate
import mutate_xml
import packages
import peer

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
    path = re.sub(r"\[0\]", "", path).replace("[x]", "")
    path = re.sub(r"(f:|/)", lambda m: "." if m.group(0) == "/" else "", path)
    path = re.sub(r"\.+", ".", path).strip(".")
    return path


def errors(issues):
    return [i for i in issues if i["severity"] in ("error", "fatal")]


class Corpus:
    """What is mutated: examples of R4, of US Core, Synthea's resources where FIRTH_ASSETS has them, and our own."""

    def __init__(self, model):
        self.items = [(name[:-5], json.loads(text)) for name, kind, text in model.examples
                      if kind not in packages.CONFORMANCE and len(text) < 30000]
        conformance = [(name[:-5], text) for name, kind, text in model.examples if kind in packages.CONFORMANCE and len(text) < 15000]
        self.conformance = conformance
        assets = os.environ.get("FIRTH_ASSETS", "")
        for file in sorted(glob.glob(f"{assets}/synthea-2019-bundles/**/*.json", recursive=True))[:4]:
            with open(file, encoding="utf-8") as source:
                for i, entry in enumerate(json.load(source).get("entry", [])[:150]):
                    self.items.append((f"synthea-{i}-{entry['resource']['resourceType']}", entry["resource"]))
        self.items = [(n, d) for n, d in self.items if "resourceType" in d]
        self.by_type = {}
        for name, doc in self.items:
            self.by_type.setdefault(doc["resourceType"], []).append((name, doc))

    def choose(self, rng):
        if rng.random() < 0.15:
            name, text = rng.choice(self.conformance)
            return name, json.loads(text)
        kinds = sorted(self.by_type)
        kind = "Bundle" if rng.random() < 0.08 else rng.choice(kinds)
        name, doc = rng.choice(self.by_type[kind])
        return name, copy.deepcopy(doc)


def make_case(rng, model, corpus, only):
    for _ in range(50):
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


def firth_findings(firth, directory, extra):
    done = subprocess.run([firth, "validate", "--format", "json", "--extensions-must-be-known", "--displays-must-match", "--max-findings", "1000",
                           *extra, directory], capture_output=True, text=True, check=False)
    found = {}
    answer = json.loads(done.stdout)
    outcomes = [e["resource"] for e in answer["entry"]] if answer["resourceType"] == "Bundle" else [answer]
    for outcome in outcomes:
        file = [e["valueString"] for e in outcome["extension"] if e["url"].endswith("operationoutcome-file")][0]
        found[os.path.basename(file)] = [
            {"severity": i["severity"], "location": (i.get("expression") or [""])[0], "text": i.get("details", {}).get("text") or i.get("diagnostics", ""),
             "id": "".join(e.get("valueString", e.get("valueCode", "")) for e in i.get("extension", []) if e["url"].endswith("message-id"))} for i in outcome["issue"]]
    return found


def compare(name, ours, theirs):
    """'' when they agree, or what differs."""
    mine, yours = errors(ours), errors(theirs)
    say = lambda e: f"{e['location']}: {e['text'][:170]} [{e['id']}]"
    if not mine and yours:
        return "MISSED " + say(yours[0])
    if mine and not yours:
        return "FALSE " + say(mine[0])
    places = [plain(e["location"]) for e in yours]
    if mine and "crash" not in places and plain(mine[0]["location"]) not in places:
        return "PATH ours " + say(mine[0]) + " -- theirs " + say(yours[0])
    return ""


class Known:
    """Differences that are the peer's faults or need what is not at hand: KIND, a pattern for the peer's or our finding."""

    def __init__(self, file):
        self.rules, self.used = [], {}
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                if line.strip() and not line.startswith("#"):
                    pattern, _, reason = line.rstrip("\n").partition(" -- ")
                    self.rules.append((re.compile(pattern), reason))

    def has(self, difference):
        for pattern, reason in self.rules:
            if pattern.search(difference):
                self.used[reason] = self.used.get(reason, 0) + 1
                return True
        return False


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("firth")
    parse.add_argument("seed", type=int)
    parse.add_argument("count", type=int)
    parse.add_argument("--keep")
    parse.add_argument("--only")
    parse.add_argument("--xml", type=float, default=0.2)
    options = parse.parse_args()
    directory = options.keep or tempfile.mkdtemp(prefix="firth-differ-")
    work = tempfile.mkdtemp(prefix="firth-differ-work-")
    os.makedirs(directory, exist_ok=True)
    for old in glob.glob(f"{directory}/*"):
        os.unlink(old)
    rng = random.Random(options.seed)
    model = packages.Model(peer.definitions())
    corpus = Corpus(model)
    only = getattr(mutate, options.only) if options.only else None
    for i in range(options.count):
        form = "xml" if rng.random() < options.xml and not only else "json"
        name, text = make_xml(rng, options.firth, corpus, work) if form == "xml" else make_case(rng, model, corpus, only)
        with open(f"{directory}/{i:05}-{name}.{form}", "w", encoding="utf-8", errors="surrogatepass") as out:
            out.write(text)
    ours = firth_findings(options.firth, directory, [])
    known = Known(f"{HERE}/known/validate.txt")
    agree = differ = excused = 0
    with peer.Peer() as other:
        for file in sorted(os.listdir(directory)):
            answer = other.ask("validate", f"{directory}/{file}", "")
            if "crash" in answer:
                theirs = [{"severity": "fatal", "location": "crash", "text": answer["crash"], "id": "crash"}]
            else:
                theirs = answer["issues"]
            with open(f"{directory}/{file}.outcome", "w", encoding="utf-8") as out:
                json.dump({"ours": ours[file], "theirs": theirs}, out, indent=1)
            difference = compare(file, ours[file], theirs)
            if not difference:
                agree += 1
            elif known.has(difference):
                excused += 1
            else:
                differ += 1
                print(f"{file}: {difference}")
    print(f"{agree} agree, {differ} differ, {excused} differ as known")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
