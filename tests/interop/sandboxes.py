"""Python's SMART client at a vendor's sandbox: sandboxes.py VENDOR BASE OPEN-BASE APP-BASE PATIENT FAMILY-NAME [SECRETS].

BASE asks for tokens, OPEN-BASE is the same sandbox without. BASE may be that of a recorder. SECRETS is
a file that gets what nobody else may see. Ends with "N passed, N failed".
"""
import sys

import person
from fhirclient import client
from fhirclient.models.condition import Condition
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient

vendor, base, open_base, app, patient, family = sys.argv[1:7]
passed = failed = 0
SCOPES = "openid fhirUser launch/patient patient/Patient.read patient/Observation.read patient/Condition.read"


def check(function):
    global passed, failed
    try:
        function()
        passed += 1
    except Exception as e:  # whatever a library throws is a failure of the flow
        failed += 1
        print(f"FAILED {function.__doc__} at {vendor}: {type(e).__name__}: {e}")


def reads(server):
    found = Patient.read(patient, server)
    assert found.id == patient and found.name[0].family == family, found.as_json()
    signs = Observation.where({"patient": patient, "category": "vital-signs"}).perform_resources(server)
    signs = [o for o in signs if isinstance(o, Observation)]
    assert signs and all(o.subject.reference == f"Patient/{patient}" for o in signs), signs
    pages = list(Observation.where({"patient": patient, "category": "vital-signs", "_count": "2"}).perform_iter(server))
    paged = [o.id for page in pages for o in (e.resource for e in page.entry or []) if isinstance(o, Observation)]
    assert len(pages) > 1 and sorted(paged) == sorted(o.id for o in signs), (len(pages), len(paged), len(signs))
    conditions = Condition.where({"patient": patient, "category": "problem-list-item"}).perform_resources(server)
    assert all(c.code for c in conditions if isinstance(c, Condition))


@check
def without_tokens():
    """fhirclient reads and pages without a token"""
    server = client.FHIRClient(settings={"app_id": "app", "api_base": open_base}).server
    assert server.capabilityStatement.fhirVersion == "4.0.1"
    reads(server)
    try:
        Patient.read("nobody", server)
        raise AssertionError("nobody could be read")
    except Exception as e:
        status = getattr(getattr(e, "response", e), "status_code", None)
        assert status in (400, 404) or "NotFound" in type(e).__name__, repr(e)


@check
def logs_in():
    """fhirclient logs in as a public app and reads"""
    smart = client.FHIRClient(settings={
        "app_id": "app", "api_base": base, "redirect_uri": f"{app}/back", "scope": SCOPES})
    assert not smart.ready, "it is ready before the login"
    clinician = person.Person(app, "clinician", "sandbox password")
    smart.handle_callback(clinician.agree(smart.authorize_url, family))
    assert smart.ready and smart.patient_id == patient, smart.patient_id
    reads(smart.server)
    if len(sys.argv) > 7:
        auth = smart.server.auth
        with open(sys.argv[7], "w") as out:
            for secret in (auth.access_token, auth.refresh_token, auth.code_verifier if hasattr(auth, "code_verifier") else None):
                if secret:
                    print(secret, file=out)


print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
