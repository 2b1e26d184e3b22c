"""Plausible mistakes in FHIR XML, made in its text."""
import re

VALUE = re.compile(r'value="([^"]*)"')
EMPTY = re.compile(r"<(\w+) value=\"[^\"]*\"/>")


def spot(rng, text, pattern):
    found = list(re.finditer(pattern, text))
    return rng.choice(found) if found else None


def replace(text, match, new):
    return text[:match.start()] + new + text[match.end():]


def value(rng, text):
    m = spot(rng, text, VALUE)
    return m and replace(text, m, 'value="%s"' % rng.choice(["", " ", "a b", "nonsense", "&amp;", "x&#10;y", " lead", "2020-13-01", "true ", "-1", "1e3", m.group(1).upper()]))


def no_value(rng, text):
    m = spot(rng, text, EMPTY)
    return m and replace(text, m, rng.choice(["<%s/>", "<%s></%s>" % ("%s", m.group(1)), "<%s>x</%s>" % ("%s", m.group(1)), "<%s id=\"a\"/>", "<%s other=\"x\" value=\"x\"/>", "<%s value=\"x\">y</%s>" % ("%s", m.group(1))]) % m.group(1))


def remove(rng, text):
    m = spot(rng, text, EMPTY)
    return m and replace(text, m, "")


def twice(rng, text):
    m = spot(rng, text, EMPTY)
    return m and replace(text, m, m.group(0) * 2)


def order(rng, text):
    m = spot(rng, text, r"(<\w+ value=\"[^\"]*\"/>)(\s*)(<\w+ value=\"[^\"]*\"/>)")
    return m and replace(text, m, m.group(3) + m.group(2) + m.group(1))


def rename(rng, text):
    m = spot(rng, text, EMPTY)
    return m and replace(text, m, m.group(0).replace("<" + m.group(1), "<" + rng.choice(["unknown", m.group(1).upper(), m.group(1) + "2", "f:" + m.group(1)]), 1))


def insert(rng, text):
    m = spot(rng, text, r"/>")
    return m and replace(text, m, "/>" + rng.choice(["<unknown value=\"x\"/>", "text", "<!-- comment -->", "<?pi x?>", "<x xmlns=\"http://example.org\"/>", "<extension url=\"http://example.org/x\"><valueString value=\"x\"/></extension>", "<extension/>", "&nbsp;", "<![CDATA[x]]>"]))


def namespace(rng, text):
    return text.replace(' xmlns="http://hl7.org/fhir"', rng.choice(["", ' xmlns="http://hl7.org/FHIR"', ' xmlns="http://hl7.org/fhir" xmlns:x="http://example.org"', ' xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir x.xsd"', ' xmlns="http://hl7.org/fhir" id="x"']), 1)


def head(rng, text):
    body = text[text.index("?>") + 2:] if text.startswith("<?xml") else text
    return rng.choice(["", "<!DOCTYPE Patient>", "<?xml version=\"1.0\"?><!-- c -->", "<?xml version=\"1.1\"?>", "<?xml-stylesheet href=\"x\"?>"]) + body


def broken(rng, text):
    m = spot(rng, text, r"</?\w+")
    return m and replace(text, m, rng.choice(["<", "</x", "", m.group(0) + "x"]))


ALL = [value, value, value, no_value, remove, twice, order, rename, insert, insert, namespace, head, broken]
