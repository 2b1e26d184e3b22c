"""Compares the snapshots that Firth and HL7's generator make of random differentials, in what matters to validation. usage:
snapshots.py FIRTH SEED COUNT. A line for each element that differs, with its profile; a differential that both refuse counts
as agreement."""
import json
import random
import subprocess
import sys
import tempfile

import peer
import synthetic

MEMBERS = ["path", "sliceName", "min", "max", "contentReference", "maxLength", "isModifier", "mustSupport"]


def facts(element):
    """What is compared of an element."""
    out = {m: element.get(m) for m in MEMBERS}
    out["contentReference"] = (out["contentReference"] or "").partition("#")[2] # the peer writes what R5 does, with a URL
    out["slicing"] = {k: v for k, v in element.get("slicing", {}).items() if k not in ("id", "description") and v is not False}
    out["types"] = sorted((t.get("code", ""), tuple(sorted(t.get("profile", []))), tuple(sorted(t.get("targetProfile", []))), tuple(t.get("aggregation", []))) for t in element.get("type", []))
    out["binding"] = [element.get("binding", {}).get(k, "").split("|")[0] for k in ("strength", "valueSet")]
    out["constraints"] = sorted({c["key"] for c in element.get("constraint", [])})
    out["values"] = {k: v for k, v in element.items() if k.startswith(("fixed", "pattern", "minValue", "maxValue"))}
    return out


def compare(ours, theirs):
    """Lines that say what differs."""
    mine = {e["id"]: facts(e) for e in ours}
    yours = {e["id"]: facts(e) for e in theirs}
    out = [f"lacks {i}" for i in yours if i not in mine] + [f"has {i} besides" for i in mine if i not in yours]
    for ident, fact in mine.items():
        for key in fact:
            if ident in yours and fact[key] != yours[ident][key]:
                out.append(f"{ident} {key}: ours {fact[key]}, theirs {yours[ident][key]}")
    if not out and list(mine) != list(yours):
        out.append("the order of elements")
    return out


def main():
    firth, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    directory = tempfile.mkdtemp(prefix="firth-snapshots-")
    rng = random.Random(seed)
    profiles = []
    while len(profiles) < count:
        profiles.append(synthetic.profile(rng, len(profiles), profiles))
    agree = differ = 0
    with peer.Peer() as other:
        other.load(directory, [*synthetic.support(), synthetic.named_organization(), *profiles])
        for definition in profiles:
            file = f"{directory}/{definition['id']}.json"
            theirs = other.ask("snapshot", file)
            done = subprocess.run([firth, "package", "snapshot", "--anew", "--package", directory, "--format", "json", file], capture_output=True, text=True, check=False)
            ours = json.loads(done.stdout) if done.stdout.startswith("{") else {}
            if "crash" in theirs or done.returncode != 0:
                lines = [] if "crash" in theirs and done.returncode != 0 else [f"ours: {done.stderr.strip()[:200] or 'made'}; theirs: {theirs.get('crash', 'made')[:200]}"]
            else:
                lines = compare(ours["snapshot"]["element"], theirs["snapshot"]["element"])
            agree += not lines
            differ += bool(lines)
            for line in lines:
                print(f"{file}: {line}", flush=True)
    print(f"{agree} agree, {differ} differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
