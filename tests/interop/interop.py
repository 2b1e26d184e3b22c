"""Python's SMART and OAuth libraries against a running server: interop.py BASE APP-BASE SECRET.

BASE is the FHIR base. The person is played here: pages are plain HTML forms, filled in by their labels' names. Ends with
"N passed, N failed". What the libraries need is in the environment that run.sh makes.
"""
import base64
import html.parser
import http.cookiejar
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

base, app, secret = sys.argv[1:4]
passed = failed = 0


class Stop(urllib.request.HTTPRedirectHandler):
    """Follows redirects within the server; one to the app is where the browser would leave it."""

    def redirect_request(self, request, fp, code, msg, headers, url):
        if url.startswith(app):
            raise Landed(url)
        return super().redirect_request(request, fp, code, msg, headers, url)


class Landed(Exception):
    pass


class Forms(html.parser.HTMLParser):
    """The forms of a page, with their fields' values, buttons, and the words of the buttons."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.button = [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if tag == "form":
            self.forms.append({"action": a.get("action", ""), "fields": [], "buttons": []})
        if not self.forms:
            return
        form = self.forms[-1]
        if tag == "input" and a.get("name"):
            checked = a.get("type") not in ("checkbox", "radio") or "checked" in a
            form["fields"].append([a["name"], a.get("value") or "", checked])
        if tag == "button":
            self.button = {"name": a.get("name"), "value": a.get("value") or "", "text": ""}
            form["buttons"].append(self.button)

    def handle_endtag(self, tag):
        if tag == "button":
            self.button = None

    def handle_data(self, data):
        if self.button is not None:
            self.button["text"] += data


class Person:
    """A browser in the hands of somebody."""

    def __init__(self):
        jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(Stop(), urllib.request.HTTPCookieProcessor(jar))
        self.url = self.text = None

    def go(self, url, data=None):
        try:
            with self.opener.open(url, data) as page:
                self.url, self.text = page.geturl(), page.read().decode()
        except urllib.error.HTTPError as e:
            raise AssertionError(f"{e.code}: {e.read().decode()[:2000]}") from e

    def press(self, words, **values):
        for form in Forms(self.text).forms:
            for button in form["buttons"]:
                if words not in button["text"]:
                    continue
                pairs = [(n, values.get(n, v)) for n, v, on in form["fields"] if on]
                if button["name"]:
                    pairs.append((button["name"], button["value"]))
                data = urllib.parse.urlencode(pairs).encode()
                return self.go(urllib.parse.urljoin(self.url, form["action"] or self.url), data)
        raise AssertionError(f"no button {words!r} on {self.url}")

    def agree(self, url, patient):
        """From the app's address to the address that the app gets back."""
        try:
            self.go(url)
            self.press("Sign in", user="anna", password="correct horse 7")
            self.press(patient)
            self.press("Allow")
        except Landed as landed:
            return str(landed)
        raise AssertionError(f"the app was not reached from {self.url}: {self.text[:1000]}")


def check(function):
    global passed, failed
    try:
        function()
        passed += 1
    except Exception as e:  # whatever a library throws is a failure of the flow
        failed += 1
        print(f"FAILED {function.__doc__}: {type(e).__name__}: {e}")


@check
def fhirclient_public():
    """fhirclient as a public app logs in and reads"""
    from fhirclient import client
    from fhirclient.models.observation import Observation
    from fhirclient.models.patient import Patient

    smart = client.FHIRClient(settings={
        "app_id": "public", "api_base": base, "redirect_uri": f"{app}/public",
        "scope": "openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs offline_access"})
    assert not smart.ready, "it is ready before the login"
    smart.handle_callback(Person().agree(smart.authorize_url, "Quill"))
    assert smart.ready and smart.patient_id == "ada", smart.patient_id
    assert Patient.read("ada", smart.server).name[0].family == "Quill"
    found = Observation.where({"patient": "ada"}).perform_resources(smart.server)
    assert [o.id for o in found] == ["weight-ada"], found
    try:
        Patient.read("ben", smart.server)
        raise AssertionError("another patient could be read")
    except Exception as e:
        assert "404" in str(e) or "NotFound" in type(e).__name__, repr(e)
    before = smart.server.auth.access_token
    assert smart.reauthorize(), "it does not refresh"
    assert smart.server.auth.access_token != before
    assert Patient.read("ada", smart.server).id == "ada"


@check
def fhirclient_confidential():
    """fhirclient as a confidential app logs in and reads"""
    from fhirclient import client
    from fhirclient.models.patient import Patient

    smart = client.FHIRClient(settings={
        "app_id": "confidential", "app_secret": secret, "api_base": base, "redirect_uri": f"{app}/confidential",
        "scope": "openid fhirUser launch/patient patient/*.rs"})
    smart.handle_callback(Person().agree(smart.authorize_url, "Ash"))
    assert Patient.read(smart.patient_id, smart.server).name[0].family == "Ash"


def authlib_flow(client_id, secret, method):
    from authlib.integrations.requests_client import OAuth2Session

    with urllib.request.urlopen(f"{base}/.well-known/openid-configuration") as answer:
        server = json.load(answer)
    assert server["issuer"] == base, server["issuer"]
    session = OAuth2Session(client_id, secret, token_endpoint_auth_method=method, code_challenge_method="S256",
                            redirect_uri=f"{app}/{client_id}",
                            scope="openid fhirUser launch/patient patient/*.rs offline_access")
    verifier = base64.urlsafe_b64encode(b"any forty-eight bytes that nobody can guess here").decode().rstrip("=")
    url, state = session.create_authorization_url(server["authorization_endpoint"], code_verifier=verifier, aud=base,
                                                  nonce="n-0S6_WzA2Mj-authlib")
    back = Person().agree(url, "Quill")
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["iss"] == [base]
    token = session.fetch_token(server["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state)
    assert token["patient"] == "ada", token
    assert session.get(f"{base}/Patient/ada").json()["name"][0]["family"] == "Quill"
    assert session.get(f"{base}/Patient/ben").status_code == 404
    check_id_token(token["id_token"], server, client_id)
    renewed = session.refresh_token(server["token_endpoint"])
    assert renewed["access_token"] != token["access_token"]
    assert session.get(f"{base}/Patient/ada").status_code == 200
    revoked = session.revoke_token(server["revocation_endpoint"], token=renewed["refresh_token"],
                                   token_type_hint="refresh_token")
    assert revoked.status_code == 200, revoked.text


def check_id_token(text, server, client_id):
    try:
        from joserfc import jwt
        from joserfc.jwk import KeySet
    except ImportError:
        from authlib.jose import JsonWebKey, JsonWebToken
        keys = JsonWebKey.import_key_set(json.load(urllib.request.urlopen(server["jwks_uri"])))
        claims = JsonWebToken(server["id_token_signing_alg_values_supported"]).decode(text, keys)
    else:
        keys = KeySet.import_key_set(json.load(urllib.request.urlopen(server["jwks_uri"])))
        claims = jwt.decode(text, keys, algorithms=server["id_token_signing_alg_values_supported"]).claims
    assert claims["iss"] == base and claims["nonce"] == "n-0S6_WzA2Mj-authlib", claims
    assert client_id in (claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]), claims
    assert claims["fhirUser"].endswith("Practitioner/7"), claims


@check
def authlib_public():
    """authlib as a public app: discovery, PKCE, id_token, refresh, revocation"""
    authlib_flow("public", None, "none")


@check
def authlib_basic():
    """authlib with client_secret_basic"""
    authlib_flow("confidential", secret, "client_secret_basic")


@check
def authlib_post():
    """authlib with client_secret_post"""
    authlib_flow("confidential", secret, "client_secret_post")


print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
