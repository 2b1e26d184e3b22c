"""The HL7 validator as a process that answers one command a line. It is fetched and built by Maven when it is first
needed, into the cache of downloads; exit status 77 says that this was not possible."""
import json
import os
import subprocess
import sys

import packages

HERE = os.path.dirname(os.path.abspath(__file__))
PLACE = os.environ.get("FIRTH_DOWNLOADS") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "firth")


def definitions():
    return f"{PLACE}/hl7.fhir.r4.examples-4.0.1.tgz"


def build():
    target = f"{PLACE}/differ-hl7"
    project = f"{HERE}/peers/hl7"
    source = f"{project}/src/main/java/Peer.java"
    made = f"{target}/classes/Peer.class"
    if not os.path.exists(made) or os.path.getmtime(made) < os.path.getmtime(source):
        try:
            subprocess.run(["mvn", "-q", "-B", "-f", f"{project}/pom.xml", f"-DbuildDirectory={target}", "compile", "dependency:build-classpath",
                            f"-Dmdep.outputFile={target}/classpath"], check=True, stdout=sys.stderr)
        except (OSError, subprocess.CalledProcessError):
            print("skipped: the HL7 validator could not be had from Maven")
            sys.exit(77)
    packages.make_cache(f"{target}/home", definitions(), f"{PLACE}/hl7.terminology.r4-7.0.1.tgz")
    with open(f"{target}/classpath", encoding="utf-8") as file:
        return target, f"{target}/classes:{file.read().strip()}"


class Peer:
    def __enter__(self):
        target, classpath = build()
        self.home = f"{target}/home"
        self.process = subprocess.Popen(["java", "-Xmx3g", f"-Duser.home={target}/home", "-cp", classpath, "Peer"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8")
        self.read()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the HL7 validator ended unexpectedly")
        return json.loads(line)

    def ask(self, *words):
        self.process.stdin.write("\t".join(words) + "\n")
        self.process.stdin.flush()
        return self.read()

    def load(self, directory, resources):
        """Each as DIRECTORY/ID.json, where Firth finds it as well."""
        for resource in resources:
            file = f"{directory}/{resource['id']}.json"
            with open(file, "w", encoding="utf-8") as out:
                json.dump(resource, out)
            self.ask("load", file)
