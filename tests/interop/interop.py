"""Python's SMART and OAuth libraries against a running server: interop.py BASE APP-BASE SECRET.

BASE is the FHIR base. The person is played here: pages are plain HTML forms, filled in by their labels' names. Ends with
"N passed, N failed". What the libraries need is in the environment that run.sh makes.
"""
import base64
import functools
import json
import sys
import urllib.parse
import urllib.request

import person

base, app, secret = sys.argv[1:4]
passed = failed = 0
Person = functools.partial(person.Person, app, "anna", "correct horse 7")


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
