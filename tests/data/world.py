"""A running server, and what a search should find: counted by walking JSON here, never taken from the server's answers.

Server starts `firth serve` on a free port and keeps every body it answers with; judge() hands them to `firth validate`.
World holds the resources that were loaded and finds with a handful of rules written down from R4 search.html.
"""
import datetime
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import unicodedata
import urllib.parse
from decimal import Decimal

counts = {"passed": 0, "failed": 0}


def check(ok, what):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print("FAIL:", what)
    return ok


def done():
    print("%(passed)d passed, %(failed)d failed" % counts)
    return 1 if counts["failed"] else 0


# ---- the server ---------------------------------------------------------------------------------------------------


class Server:
    def __init__(self, firth, arguments=()):
        self.firth = firth
        self.dir = tempfile.mkdtemp(prefix="firth-data-")
        self.data = os.path.join(self.dir, "data")
        self.seen = os.path.join(self.dir, "answers")
        os.mkdir(self.seen)
        self.arguments = list(arguments)
        self.answers = set()
        self.process = None
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("FIRTH_")}

    def run(self, *arguments, **more):
        return subprocess.run([self.firth, *arguments], env=self.environment, capture_output=True, text=True, **more)

    def start(self):
        self.log = open(os.path.join(self.dir, "log"), "w")
        self.process = subprocess.Popen([self.firth, "serve", "--port", "0", "--data", self.data, *self.arguments],
                                        env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True)
        for line in self.process.stdout:
            event = json.loads(line)
            if event.get("event") == "listening":
                self.port = event["port"]
                break
        else:
            raise SystemExit("the server does not start: " + open(self.log.name).read())
        self.base = "http://127.0.0.1:%d/fhir" % self.port
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        return self

    def stop(self):
        if self.process:
            self.connection.close()
            self.process.terminate()
            self.process.communicate()
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def ask(self, method, path, body=None, headers=None):
        """Status, headers (lower case) and body; path below /fhir or a URL of ours."""
        sent = {"Accept": "application/fhir+json", **(headers or {})}
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/fhir+json")
        if path.startswith(self.base):
            path = path[len(self.base):]
        target = "/fhir" + ("/" if path and path[0] not in "/?" else "") + path
        self.connection.request(method, target, body.encode() if isinstance(body, str) else body, sent)
        answer = self.connection.getresponse()
        raw = answer.read()
        fields = {k.lower(): v for k, v in answer.getheaders()}
        if "json" not in fields.get("content-type", "") or not raw:
            return answer.status, fields, raw
        value = json.loads(raw)
        if value.get("resourceType") in ("Bundle", "OperationOutcome", "CapabilityStatement"):
            self.keep(raw, value)
        return answer.status, fields, value

    def keep(self, raw, value):
        """One file for each form of answer: what differs in ids and texts alone is the same to a validator."""
        form = json.dumps(value if value["resourceType"] != "Bundle" else
                          {**value, "entry": [e.get("search", {}).get("mode") or e.get("response", {}).get("status")
                                              for e in value.get("entry", [])]})
        form = re.sub(r'[0-9][0-9a-zA-Z:.+-]*', "0", form)
        if form not in self.answers and len(self.answers) < 3000:
            self.answers.add(form)
            with open(os.path.join(self.seen, "%d.json" % len(self.answers)), "wb") as out:
                out.write(raw)

    def judge(self):
        """Every answer is valid; what our clients sent us is theirs to answer for."""
        out = self.run("validate", "--format", "json", "--level", "error", self.seen).stdout
        files = 0
        for line in out.splitlines():
            outcome = json.loads(line)
            files += 1
            for issue in outcome.get("issue", []):
                place = (issue.get("expression") or [""])[0]
                theirs = re.match(r"Bundle\.entry\[(\d+)\]\.resource", place)
                if theirs:
                    name = outcome["extension"][0]["valueString"]
                    held = json.load(open(name))["entry"][int(theirs.group(1))]["resource"]
                    if held["resourceType"] != "OperationOutcome":
                        continue
                if issue["severity"] in ("error", "fatal"):
                    check(False, "an answer is not valid: %s: %s" % (place, issue["details"]["text"]))
        check(files > 0, "answers were validated")

    def pages(self, path, body=None, limit=200):
        """All matches and all included resources of a search, page by page."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else None
        status, _, page = self.ask("POST" if body is not None else "GET", path, body, headers)
        matches, included, totals = [], [], []
        while status == 200 and limit:
            limit -= 1
            for entry in page.get("entry", []):
                to = matches if entry["search"]["mode"] == "match" else included
                to.append(entry["resource"])
            totals.append(page.get("total"))
            following = [l["url"] for l in page["link"] if l["relation"] == "next"]
            if not following:
                return matches, included, totals
            status, _, page = self.ask("GET", following[0])
        print("    %s gives %s %s" % (path, status, json.dumps(page)[:300]))
        return None, None, None


# ---- what there is ------------------------------------------------------------------------------------------------


def walk(value, path):
    """The elements at a dotted path, through lists."""
    values = [value]
    for name in path.split("."):
        values = [v[name] for v in values if isinstance(v, dict) and name in v]
        values = [x for v in values for x in (v if isinstance(v, list) else [v])]
    return values


def fold(text):
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    return " ".join(re.sub(r"[^\w]+|_", " ", plain).split())


def instant(text):
    """[low, high) in milliseconds since 1970."""
    m = re.match(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?$", text)
    year, month, day, hour, minute, second, part, zone = m.groups()
    start = datetime.datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0),
                              int(second or 0), tzinfo=datetime.timezone.utc)
    shift = 0
    if zone and zone != "Z":
        shift = (int(zone[1:3]) * 60 + int(zone[4:])) * (-1 if zone[0] == "-" else 1)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    ms = lambda t: int((t - epoch).total_seconds()) * 1000
    low = ms(start) - shift * 60000 + (int(float(part) * 1000 + .5) if part else 0)
    if part:
        return low, low + 1
    if second is not None:
        return low, low + 1000
    if minute is not None:
        return low, low + 60000
    if day:
        return low, low + 86400000
    if month:
        return low, ms(start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1))
    return low, ms(start.replace(year=start.year + 1))


EVER = 10 ** 15


def span(value):
    if isinstance(value, str):
        return instant(value)
    low = instant(value["start"])[0] if "start" in value else -EVER
    high = instant(value["end"])[1] if "end" in value else EVER
    return low, high


def take_prefix(text):
    return (text[:2], text[2:]) if text[:2] in ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb") else ("eq", text)


def ordered(prefix, low, high, at_low, at_high):
    inside = at_low <= low and high <= at_high
    return {"eq": inside, "ne": not inside, "gt": high > at_high, "lt": low < at_low, "sa": low >= at_high,
            "eb": high <= at_low, "ge": high > at_high or inside, "le": low < at_low or inside}[prefix]


def date_meets(value, wanted):
    if isinstance(value, dict) and not ("start" in value or "end" in value):
        return False
    prefix, text = take_prefix(wanted)
    return ordered(prefix, *span(value), *instant(text))


def texts_of(value):
    if isinstance(value, str):
        return [value]
    names = ("text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode", "country")
    return [t for n in names if n in value for t in walk(value, n)]


def codings_of(value):
    """(system, code) pairs; a code that is implied by its element has the system None: it is not asked for."""
    if isinstance(value, bool):
        return [("", "true" if value else "false")]
    if isinstance(value, str):
        return [(None, value)]
    if "coding" in value:
        return [(c.get("system", ""), c["code"]) for c in value["coding"] if "code" in c]
    code = value.get("code", value.get("value"))
    return [(value.get("system", ""), code)] if code else []


def plain(text):
    return re.sub(r"\\(.)", r"\1", text)


def token_meets(value, wanted):
    *system, code = map(plain, split(wanted, "|"))
    return any((not code or code == c) and (not system or system[0] == s) for s, c in codings_of(value))


def reference_meets(value, wanted):
    text = value if isinstance(value, str) else value.get("reference", "")
    return text == wanted or ("/" not in wanted and text.count("/") == 1 and text.split("/")[1] == wanted)


def quantity_meets(value, wanted):
    number, _, unit = wanted.partition("|")
    system, _, code = unit.rpartition("|")
    prefix, number = take_prefix(number)
    if "value" not in value or (code and code not in (value.get("code"), value.get("unit") if not system else None)):
        return False
    if system and system != value.get("system"):
        return False
    have, at = Decimal(str(value["value"])), Decimal(number)
    half = Decimal(5).scaleb(at.as_tuple().exponent - 1)
    equal = at - half <= have < at + half
    return {"eq": equal, "ne": not equal, "gt": have > at, "lt": have < at, "ge": have >= at, "le": have <= at,
            "sa": have > at, "eb": have < at}[prefix]


MEETS = {"date": date_meets, "token": token_meets, "reference": reference_meets, "quantity": quantity_meets,
         "string": lambda value, wanted: any(fold(t).startswith(fold(plain(wanted))) for t in texts_of(value)),
         "uri": lambda value, wanted: value == wanted}


def split(text, separator):
    """At separators that no backslash escapes; the escapes stay."""
    parts, at = [""], 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            parts[-1] += text[at:at + 2]
            at += 1
        elif text[at] == separator:
            parts.append("")
        else:
            parts[-1] += text[at]
        at += 1
    return parts


class World:
    def __init__(self, params):
        self.params = params
        self.resources = {}

    def put(self, resource):
        self.resources[(resource["resourceType"], resource["id"])] = resource

    def of(self, kind):
        return [r for (t, _), r in self.resources.items() if t == kind]

    def elements(self, resource, name):
        """Type of a parameter and the elements that it is about."""
        kind = resource["resourceType"]
        how = self.params[kind].get(name) or self.params["Resource"][name]
        values = [v for path in how[1] for v in walk(resource, path)]
        if len(how) > 2:
            values = [v for v in values if how[2](v)]
        return how[0], values

    def one_meets(self, resource, name, wanted):
        name, _, modifier = name.partition(":")
        if name == "_id":
            return resource["id"] in wanted.split(",")
        if name == "_has":
            other, by, inner = modifier.split(":", 2)
            me = resource["resourceType"] + "/" + resource["id"]
            return any(self.meets(r, [(inner, wanted)]) for r in self.of(other)
                       if any(v.get("reference") == me for v in self.elements(r, by)[1]))
        if "." in name or "." in modifier:
            first, _, rest = (name + (":" + modifier if modifier else "")).partition(".")
            first, _, target = first.partition(":")
            links = [v.get("reference", "") for v in self.elements(resource, first)[1]]
            found = [self.resources.get(tuple(l.split("/"))) for l in links if l.count("/") == 1]
            return any(r and (not target or r["resourceType"] == target) and self.knows(r, rest) and
                       self.meets(r, [(rest, wanted)]) for r in found)
        kind, values = self.elements(resource, name)
        if modifier == "missing":
            return (not values) == (wanted == "true")
        if modifier == "exact":
            return any(t == plain(w) for v in values for t in texts_of(v) for w in split(wanted, ","))
        if modifier == "contains":
            return any(fold(plain(w)) in fold(t) for v in values for t in texts_of(v) for w in split(wanted, ","))
        if modifier and modifier != "not":
            wanted = ",".join(modifier + "/" + w for w in wanted.split(","))
        meets = any(MEETS[kind](v, w) for v in values for w in split(wanted, ","))
        return meets != (modifier == "not")

    def knows(self, resource, name):
        name = re.split(r"[.:]", name)[0]
        return name in ("_id", "_has") or name in self.params.get(resource["resourceType"], {}) or \
            name in self.params["Resource"]

    def meets(self, resource, query):
        return all(self.one_meets(resource, n, w) for n, w in query)

    def find(self, kind, query):
        return {r["id"] for r in self.of(kind) if self.meets(r, query)}


CONTROL = ("_count", "_sort", "_include", "_revinclude", "_total", "_summary", "_elements")


def search(server, world, kind, query, post=False):
    """Asks the server and compares with the world. The matches, and the included."""
    text = urllib.parse.urlencode(query)
    wanted = world.find(kind, [(n, w) for n, w in query if n.partition(":")[0] not in CONTROL])
    matches, included, _ = server.pages(kind + "/_search", text) if post else server.pages(kind + "?" + text)
    if matches is None:
        check(False, "%s?%s is answered" % (kind, text))
        return [], []
    found = [r["id"] for r in matches]
    check(len(found) == len(set(found)) and set(found) == wanted and all(r["resourceType"] == kind for r in matches),
          "%s?%s: %d, expected %d; too many %s, too few %s" % (kind, urllib.parse.unquote(text), len(found), len(wanted),
                                                              sorted(set(found) - wanted)[:3],
                                                              sorted(wanted - set(found))[:3]))
    return matches, included
