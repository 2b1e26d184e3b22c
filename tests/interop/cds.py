"""CDS Hooks with other people's programs: cds.py FIRTH SERVICES-URL SCHEMAS-DIRECTORY.

SERVICES-URL is the address of Firth's services without /cds-services. HealthChain's EHR calls them, the way the public
CDS Hooks sandbox writes its requests is imitated, and every answer is held to the JSON Schemas by an independent
validator. Then Firth calls HealthChain's services as an EHR. Ends with "N passed, N failed".
"""
import json
import logging
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI
from healthchain.gateway.cds import CDSHooksConfig, CDSHooksService
from healthchain.models import Card, CDSRequest, CDSResponse
from healthchain.models.hooks import OrderSelectContext, OrderSignContext
from healthchain.models.responses.cdsdiscovery import CDSServiceInformation
from jsonschema import Draft202012Validator, FormatChecker

logging.disable(logging.WARNING)
firth, root, schema_directory = sys.argv[1:4]
passed = failed = 0
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
PATIENT = "interop"
schemas = {
    path.stem: Draft202012Validator(json.loads(path.read_text()), format_checker=FormatChecker())
    for path in Path(schema_directory).glob("*.json")
}


def check(function):
    global passed, failed
    try:
        function()
        passed += 1
    except Exception as e:  # whatever a library throws is a failure of the conversation
        failed += 1
        print(f"FAILED {function.__doc__}: {type(e).__name__}: {str(e)[:600]}")


def holds(name, document):
    complaints = [f"{e.json_path}: {e.message[:200]}" for e in schemas[name].iter_errors(document)]
    assert not complaints, "; ".join(complaints[:5])
    return document


# ---- what is sent -----------------------------------------------------------------------------------------------------


def order(number, rxcui, name, status="draft"):
    return {
        "resourceType": "MedicationRequest", "id": f"order{number}", "status": status, "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": rxcui, "display": name}], "text": name},
    }


def bundle(kind, resources):
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": r} for r in resources]}


ALLERGY = {
    "resourceType": "AllergyIntolerance", "id": "penicillin", "patient": {"reference": f"Patient/{PATIENT}"},
    "criticality": "high",
    "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]},
    "code": {"coding": [{"system": RXNORM, "code": "7984", "display": "penicillin V"}]},
}
RESOURCES = {
    "Patient": [{"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": "1961-04-05"}],
    "AllergyIntolerance": [ALLERGY],
    "MedicationRequest": [order(9, "11289", "warfarin", "active")],
}
AMOXICILLIN, IBUPROFEN, MELATONIN = order(1, "723", "amoxicillin"), order(2, "5640", "ibuprofen"), order(3, "6711", "melatonin")
FLUCONAZOLE = order(4, "4450", "fluconazole")


def prefetch_for(service):
    """Answers each template by its resource type, as an EHR would with this one patient."""
    answers = {}
    for key, template in (service.get("prefetch") or {}).items():
        kind = template.split("?")[0].split("/")[0]
        found = RESOURCES.get(kind, [])
        answers[key] = found[0] if "?" not in template and found else bundle("searchset", found)
    return answers


def services():
    answer = httpx.get(f"{root}/cds-services")
    answer.raise_for_status()
    return holds("discovery", answer.json())["services"]


def service_of(hook):
    """The drug checks, which are there from the beginning."""
    found = [s for s in services() if s["hook"] == hook]
    assert found, f"no service for {hook}"
    return found[0]


def context_of(hook, *orders):
    context = {"userId": "Practitioner/7", "patientId": PATIENT}
    if hook != "patient-view":
        context["draftOrders"] = bundle("collection", orders)
    if hook == "order-select":
        context["selections"] = [f"MedicationRequest/{o['id']}" for o in orders]
    return context


def ask_with_healthchain(hook, *orders):
    """Its models write the request and read the answer; its SandboxClient would lose the orders on the way."""
    service = service_of(hook)
    model = {"order-sign": OrderSignContext, "order-select": OrderSelectContext}[hook]
    request = CDSRequest(hook=hook, context=model(**context_of(hook, *orders)), prefetch=prefetch_for(service))
    answer = httpx.post(f"{root}/cds-services/{service['id']}", json=request.model_dump(exclude_none=True, serialize_as_any=True))
    answer.raise_for_status()
    return CDSResponse(**holds("answer", answer.json())).cards


def ask_plainly(hook, *orders, **more):
    service = service_of(hook)
    body = {"hook": hook, "hookInstance": str(uuid.uuid4()), "context": context_of(hook, *orders), "prefetch": prefetch_for(service)}
    answer = httpx.post(f"{root}/cds-services/{service['id']}", json=body | more)
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    return service, holds("answer", answer.json())["cards"]


# ---- others call Firth ------------------------------------------------------------------------------------------------


def discovery():
    """HealthChain reads the services, and they hold to the schema"""
    assert {"order-select", "order-sign"} <= {s.hook for s in CDSServiceInformation(services=services()).services}


def allergy():
    """HealthChain's EHR signs amoxicillin for a patient with a penicillin allergy"""
    cards = ask_with_healthchain("order-sign", AMOXICILLIN)
    assert any(c.indicator == "critical" and "amoxicillin" in c.summary.lower() for c in cards), cards


def interaction():
    """HealthChain's EHR selects fluconazole for a patient who takes warfarin"""
    # Not ibuprofen: the rule about it has a link, and HealthChain 0.16.1 reads links only with a member "autoLaunchable",
    # where CDS Hooks has an optional "autolaunchable".
    cards = ask_with_healthchain("order-select", FLUCONAZOLE)
    assert any("warfarin" in c.summary.lower() for c in cards), cards


def silence():
    """Nothing is said where there is nothing to say"""
    for hook in ("order-select", "order-sign"):
        assert ask_plainly(hook, MELATONIN)[1] == []


def sandbox():
    """Requests as the public CDS Hooks sandbox writes them"""
    origin = {"Origin": "https://sandbox.cds-hooks.org"}
    url = f"{root}/cds-services"
    before = httpx.options(url, headers=origin | {"Access-Control-Request-Method": "GET"})
    assert before.status_code in (200, 204) and "access-control-allow-origin" in before.headers
    before = httpx.options(f"{url}/{service_of('order-sign')['id']}", headers=origin | {
        "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"})
    allowed = before.headers["access-control-allow-headers"].lower()
    assert "authorization" in allowed and "content-type" in allowed
    for hook in ("order-select", "order-sign"):
        _, cards = ask_plainly(hook, AMOXICILLIN, IBUPROFEN, fhirServer="https://launch.smarthealthit.org/v/r4/fhir")
        assert len(cards) >= 2 and all(c["uuid"] for c in cards), cards


def feedback():
    """An override with its reason is taken"""
    service, cards = ask_plainly("order-sign", IBUPROFEN)
    reason = cards[0]["overrideReasons"][0]
    told = {"feedback": [{"card": cards[0]["uuid"], "outcome": "overridden", "overrideReason": {"reason": reason},
                          "outcomeTimestamp": datetime.now(timezone.utc).isoformat()}]}
    answer = httpx.post(f"{root}/cds-services/{service['id']}/feedback", json=holds("feedback", told))
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"


def refusals():
    """What is not a request is refused with a reason"""
    url = f"{root}/cds-services/{service_of('order-sign')['id']}"
    for body in ({}, {"hook": "order-sign"}, {"hook": "patient-view", "hookInstance": str(uuid.uuid4()), "context": {"patientId": PATIENT}}):
        answer = httpx.post(url, json=body)
        assert answer.status_code == 400 and answer.json(), f"{answer.status_code} {answer.text}"
    assert httpx.post(url, content="{", headers={"Content-Type": "application/json"}).status_code == 400
    assert httpx.post(f"{root}/cds-services/nothing-here", json={}).status_code == 404


# ---- Firth calls others -----------------------------------------------------------------------------------------------

received = []


def serve_healthchain():
    """HealthChain's service, whose discovery is put where the specification has it."""
    cds = CDSHooksService(config=CDSHooksConfig(base_path="", discovery_path="/cds-services"), use_events=False)

    @cds.hook("order-sign", id="watch", title="Watch", description="Says when the patient was born")
    def watch(request: CDSRequest) -> CDSResponse:
        received.append(request)
        born = request.prefetch["patient"]["birthDate"]
        return CDSResponse(cards=[Card(summary=f"Born on {born}", indicator="info", source={"label": "HealthChain"})])

    app = FastAPI()
    app.include_router(cds)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True).start()
    for _ in range(200):
        if server.started:
            break
        time.sleep(0.05)
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def run(*arguments):
    done = subprocess.run([firth, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return done


def as_an_ehr():
    """Firth reads HealthChain's services, calls one, and shows its card"""
    there = serve_healthchain()
    listed = json.loads(run("cds", "services", there, "--format", "json").stdout)
    assert "watch" in json.dumps(listed), listed
    with tempfile.TemporaryDirectory() as place:
        request = Path(place, "request.json")
        request.write_text(json.dumps({
            "hook": "order-sign", "hookInstance": str(uuid.uuid4()), "context": context_of("order-sign", AMOXICILLIN, IBUPROFEN),
            "prefetch": {"patient": RESOURCES["Patient"][0]}}))
        done = run("cds", "call", there, str(request), "--service", "watch")
    assert f"Born on {RESOURCES['Patient'][0]['birthDate']}" in done.stdout, done.stdout + done.stderr
    assert received and received[-1].hook == "order-sign"


for conversation in (discovery, allergy, interaction, silence, sandbox, feedback, refusals, as_an_ehr):
    check(conversation)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
