"""Synthea's patients: synthea.py FIRTH FILE.ndjson... FILE.json... DIRECTORY...

Of a directory all NDJSON (but the log of an export) and the dozen smallest bundles are taken.

NDJSON goes in by `firth import`; bundles of the kind transaction by POST, as they are; other bundles by import. Then
counts by type, resources read back, and a share of the questions of us_core.py.
"""
import json
import os
import sys

from us_core import PARAMS, ask_all, by_import, by_transaction, check_reads
from world import Server, World, check, done


def expand(paths):
    files = []
    for path in paths:
        if not os.path.isdir(path):
            files.append(path)
            continue
        names = sorted((os.path.join(path, n) for n in os.listdir(path)), key=os.path.getsize)
        files += [n for n in names if n.endswith(".ndjson") and not n.endswith("log.ndjson")]
        files += [n for n in names if n.endswith(".json")][:12]
    return files


def main(firth, files):
    with Server(firth) as server:
        world = World(PARAMS)
        bundles = []
        for path in expand(files):
            if path.endswith(".ndjson"):
                with open(path) as lines:
                    for line in lines:
                        world.put(json.loads(line))
                out = server.run("import", "--data", server.data, "--format", "json", path)
                check(out.returncode == 0, "firth import: " + out.stderr[:300])
                continue
            with open(path) as text:
                bundle = json.load(text)
            if bundle["type"] == "transaction":
                bundles.append(bundle)
            else:
                by_import(server, world, path, bundle)
        server.start()
        for bundle in bundles:
            by_transaction(server, world, bundle)
        for kind in sorted({k for k, _ in world.resources}):
            status, _, answer = server.ask("GET", kind + "?_summary=count")
            check(status == 200 and answer["total"] == len(world.of(kind)), "as many of %s: %s" % (kind, answer.get("total")))
        check_reads(server, world, 10)
        ask_all(server, world, 3, 17)
        server.judge()
    return done()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
