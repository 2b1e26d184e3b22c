/* HAPI's client against a running server: java -cp 'LIB/*' Client.java BASE. In JSON, then all of it again in XML. */
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.api.MethodOutcome;
import ca.uhn.fhir.rest.api.PreferReturnEnum;
import ca.uhn.fhir.rest.api.SearchStyleEnum;
import ca.uhn.fhir.rest.api.SummaryEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.gclient.DateClientParam;
import ca.uhn.fhir.rest.gclient.StringClientParam;
import ca.uhn.fhir.rest.server.exceptions.InvalidRequestException;
import ca.uhn.fhir.rest.server.exceptions.PreconditionFailedException;
import ca.uhn.fhir.rest.server.exceptions.ResourceGoneException;
import ca.uhn.fhir.rest.server.exceptions.ResourceNotFoundException;
import java.util.Date;
import java.util.HashSet;
import java.util.Set;
import java.util.UUID;
import org.hl7.fhir.r4.model.*;

public class Client {
	static int count;

	static void check(boolean ok, String what) {
		if (!ok)
			throw new AssertionError(what);
		count++;
	}

	static <E extends Exception> void fails(Class<E> with, Runnable run, String what) {
		try {
			run.run();
		} catch (Exception e) {
			check(with.isInstance(e), what + ": " + e);
			return;
		}
		check(false, what + " is not refused");
	}

	static void conditions(IGenericClient client, String mark) {
		Patient p = new Patient();
		p.addIdentifier().setSystem("urn:hapi").setValue(mark);
		MethodOutcome first = client.create().resource(p).conditional().where(Patient.IDENTIFIER.exactly().systemAndIdentifier("urn:hapi", mark)).execute();
		check(first.getCreated(), "conditional create creates");
		MethodOutcome again = client.create().resource(p).conditional().where(Patient.IDENTIFIER.exactly().systemAndIdentifier("urn:hapi", mark)).execute();
		check(again.getId().getIdPart().equals(first.getId().getIdPart()), "and finds");
		p.setActive(true);
		MethodOutcome put = client.update().resource(p).conditional().where(Patient.IDENTIFIER.exactly().systemAndIdentifier("urn:hapi", mark)).execute();
		check(put.getId().getVersionIdPart().equals("2"), "conditional update");
		Patient stale = (Patient) client.read().resource(Patient.class).withId(first.getId().getIdPart()).execute().copy();
		stale.setGender(Enumerations.AdministrativeGender.OTHER);
		fails(PreconditionFailedException.class, () -> client.update().resource(stale).withId(first.getId().withVersion("1")).withAdditionalHeader("If-Match", "W/\"1\"").execute(), "a stale update");
		client.delete().resourceConditionalByType("Patient").where(Patient.IDENTIFIER.exactly().systemAndIdentifier("urn:hapi", mark)).execute();
		fails(ResourceGoneException.class, () -> client.read().resource(Patient.class).withId(first.getId().getIdPart()).execute(), "what is deleted");
		fails(ResourceNotFoundException.class, () -> client.read().resource(Patient.class).withId("none-" + mark).execute(), "what never was");
	}

	static void searches(IGenericClient client, String mark, IdType patient) {
		for (int i = 0; i < 23; i++) {
			Observation o = new Observation().setStatus(Observation.ObservationStatus.FINAL);
			o.getCode().addCoding().setSystem("http://loinc.org").setCode("8310-5");
			o.setSubject(new Reference(patient.toUnqualifiedVersionless()));
			o.setValue(new Quantity().setValue(36.5 + i).setSystem("http://unitsofmeasure.org").setCode("Cel").setUnit("C"));
			o.setEffective(new DateTimeType(new Date(1700000000000L + i * 86400000L)));
			client.create().resource(o).prefer(PreferReturnEnum.MINIMAL).execute();
		}
		Bundle page = client.search().forResource(Observation.class).where(Observation.PATIENT.hasId(patient.getIdPart())).include(Observation.INCLUDE_SUBJECT).count(10).sort().descending(Observation.DATE).returnBundle(Bundle.class).execute();
		Set<String> ids = new HashSet<>();
		int pages = 0, people = 0;
		for (; page != null; pages++) {
			for (Bundle.BundleEntryComponent e : page.getEntry()) {
				if (e.getSearch().getMode() == Bundle.SearchEntryMode.MATCH)
					ids.add(e.getResource().getIdElement().getIdPart());
				else
					people++;
			}
			page = page.getLink(Bundle.LINK_NEXT) != null ? client.loadPage().next(page).execute() : null;
		}
		check(pages == 3 && ids.size() == 23 && people == 3, "pages " + pages + ", found " + ids.size() + ", included " + people);
		page = client.search().forResource(Observation.class).where(Observation.PATIENT.hasChainedProperty(Patient.FAMILY.matchesExactly().value("M\u00fcller-" + mark))).and(Observation.DATE.afterOrEquals().day(new Date(1700000000000L + 20 * 86400000L))).usingStyle(SearchStyleEnum.POST).returnBundle(Bundle.class).execute();
		check(page.getEntry().size() == 3, "chain and date by POST: " + page.getEntry().size());
		page = client.search().forResource(Observation.class).where(Observation.VALUE_QUANTITY.greaterThan().number(50).andUnits("http://unitsofmeasure.org", "Cel")).and(Observation.PATIENT.hasId(patient)).returnBundle(Bundle.class).execute();
		check(page.getEntry().size() == 9, "quantity: " + page.getEntry().size());
		page = client.search().forResource(Patient.class).where(new StringClientParam("family").matches().value("muller-" + mark)).revInclude(Observation.INCLUDE_PATIENT).summaryMode(SummaryEnum.TRUE).returnBundle(Bundle.class).execute();
		check(page.getEntry().size() == 24, "_revinclude and _summary: " + page.getEntry().size());
		check(client.search().forResource(Observation.class).where(Observation.PATIENT.hasId(patient)).summaryMode(SummaryEnum.COUNT).returnBundle(Bundle.class).execute().getTotal() == 23, "count");
		check(client.search().byUrl("Patient?_has:Observation:patient:code=8310-5&_id=" + patient.getIdPart()).returnBundle(Bundle.class).execute().getEntry().size() == 1, "_has");
		fails(InvalidRequestException.class, () -> client.search().byUrl("Patient?favourite=blue").returnBundle(Bundle.class).execute(), "an unknown parameter");
	}

	static void bundles(IGenericClient client, String mark) {
		Bundle t = new Bundle().setType(Bundle.BundleType.TRANSACTION);
		String url = "urn:uuid:" + UUID.randomUUID();
		t.addEntry().setFullUrl(url).setResource(new Patient().addName(new HumanName().setFamily("T" + mark))).getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Patient");
		Encounter e = new Encounter().setStatus(Encounter.EncounterStatus.PLANNED).setSubject(new Reference(url));
		e.getClass_().setSystem("http://terminology.hl7.org/CodeSystem/v3-ActCode").setCode("AMB");
		t.addEntry().setResource(e).getRequest().setMethod(Bundle.HTTPVerb.POST).setUrl("Encounter");
		Bundle done = client.transaction().withBundle(t).execute();
		check(done.getEntry().stream().allMatch(x -> x.getResponse().getStatus().startsWith("201")), "transaction");
		Encounter kept = client.read().resource(Encounter.class).withUrl(new IdType(done.getEntry().get(1).getResponse().getLocation()).toUnqualifiedVersionless()).execute();
		check(done.getEntry().get(0).getResponse().getLocation().contains(kept.getSubject().getReference()), "links are followed");
		t.getEntry().get(1).getRequest().setUrl("Encounter/x").setMethod(Bundle.HTTPVerb.PUT).setIfMatch("W/\"9\"");
		e.setId("x");
		fails(PreconditionFailedException.class, () -> client.transaction().withBundle(t).execute(), "a transaction with a stale entry");
	}

	static void operations(IGenericClient client, IdType patient) {
		Bundle everything = client.operation().onInstance(patient.toUnqualifiedVersionless()).named("$everything").withNoParameters(Parameters.class).useHttpGet().returnResourceType(Bundle.class).execute();
		check(everything.getEntry().size() == 24, "$everything: " + everything.getEntry().size());
		Parameters meta = client.operation().onInstance(patient.toUnqualifiedVersionless()).named("$meta").withNoParameters(Parameters.class).useHttpGet().execute();
		check(meta.getParameter().size() == 1, "$meta");
		check(((Parameters) client.operation().onType(CodeSystem.class).named("$lookup").withParameter(Parameters.class, "system", new UriType("http://hl7.org/fhir/administrative-gender")).andParameter("code", new CodeType("male")).execute()).getParameter().size() > 0, "$lookup");
		check(((ValueSet) client.operation().onType(ValueSet.class).named("$expand").withParameter(Parameters.class, "url", new UriType("http://hl7.org/fhir/ValueSet/administrative-gender")).returnResourceType(ValueSet.class).execute()).getExpansion().getContains().size() == 4, "$expand");
		MethodOutcome outcome = client.validate().resource(new Patient().setGender(Enumerations.AdministrativeGender.MALE)).execute();
		check(((OperationOutcome) outcome.getOperationOutcome()).getIssue().stream().noneMatch(i -> i.getSeverity() == OperationOutcome.IssueSeverity.ERROR), "$validate");
	}

	static void patches(IGenericClient client, IdType patient) {
		MethodOutcome json = client.patch().withBody("[{\"op\":\"add\",\"path\":\"/active\",\"value\":true}]").withId(patient.toUnqualifiedVersionless()).execute();
		check(json.getId().getVersionIdPart().equals("2"), "JSON Patch");
		Parameters p = new Parameters();
		Parameters.ParametersParameterComponent op = p.addParameter().setName("operation");
		op.addPart().setName("type").setValue(new CodeType("replace"));
		op.addPart().setName("path").setValue(new StringType("Patient.active"));
		op.addPart().setName("value").setValue(new BooleanType(false));
		MethodOutcome fhir = client.patch().withFhirPatch(p).withId(patient.toUnqualifiedVersionless()).prefer(PreferReturnEnum.REPRESENTATION).execute();
		check(!((Patient) fhir.getResource()).getActive(), "FHIRPath Patch");
	}

	static void run(FhirContext context, String base, EncodingEnum encoding) {
		IGenericClient client = context.newRestfulGenericClient(base);
		client.setEncoding(encoding);
		String mark = UUID.randomUUID().toString();
		CapabilityStatement capability = client.capabilities().ofType(CapabilityStatement.class).execute();
		check(capability.getFhirVersion() == Enumerations.FHIRVersion._4_0_1, "capabilities");
		Patient p = new Patient();
		p.addName().setFamily("M\u00fcller-" + mark).addGiven("Zo\u00eb");
		p.getMeta().addTag().setSystem("urn:hapi").setCode("x");
		p.getText().setStatus(Narrative.NarrativeStatus.GENERATED).setDivAsString("<div>a &lt; b &amp; c</div>");
		MethodOutcome created = client.create().resource(p).prefer(PreferReturnEnum.REPRESENTATION).execute();
		IdType id = (IdType) created.getId();
		check(created.getCreated() && id.getVersionIdPart().equals("1"), "create");
		Patient back = client.read().resource(Patient.class).withId(id.getIdPart()).execute();
		check(back.getNameFirstRep().getFamily().equals("M\u00fcller-" + mark), "read");
		check(back.getText().getDivAsString().contains("a &lt; b &amp; c"), "the narrative");
		patches(client, id);
		check(client.read().resource(Patient.class).withIdAndVersion(id.getIdPart(), "1").execute().getActiveElement().isEmpty(), "vread");
		check(client.history().onInstance(id.toUnqualifiedVersionless()).returnBundle(Bundle.class).execute().getEntry().size() == 3, "history");
		check(client.history().onType(Patient.class).returnBundle(Bundle.class).count(2).execute().getEntry().size() == 2, "history of a type");
		conditions(client, mark);
		searches(client, mark, id);
		bundles(client, mark);
		operations(client, id);
		client.delete().resourceById(id.toUnqualifiedVersionless()).execute();
		fails(ResourceGoneException.class, () -> client.read().resource(Patient.class).withId(id.getIdPart()).execute(), "read of what is deleted");
	}

	public static void main(String[] arguments) {
		FhirContext context = FhirContext.forR4();
		context.getRestfulClientFactory().setSocketTimeout(60000);
		run(context, arguments[0], EncodingEnum.JSON);
		run(context, arguments[0], EncodingEnum.XML);
		System.out.println(count + " passed");
	}
}
