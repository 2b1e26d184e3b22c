/* HAPI's client at a vendor's sandbox: java -cp 'LIB/*' Sandbox.java BASE PATIENT FAMILY-NAME. In JSON and, where the vendor
 * speaks it, in XML. The first thing that goes wrong ends it. */
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.api.ServerValidationModeEnum;
import ca.uhn.fhir.rest.server.exceptions.BaseServerResponseException;
import java.util.Set;
import java.util.TreeSet;
import org.hl7.fhir.r4.model.*;

public class Sandbox {
	static int count;

	static void check(boolean ok, String what) {
		if (!ok)
			throw new AssertionError(what);
		count++;
	}

	static Bundle search(IGenericClient client, String patient, int size) {
		var query = client.search().forResource(Observation.class).where(Observation.PATIENT.hasId(patient)).and(Observation.CATEGORY.exactly().code("vital-signs"));
		return (size > 0 ? query.count(size) : query).returnBundle(Bundle.class).execute();
	}

	static int ids(Bundle page, Set<String> ids) {
		int before = ids.size();
		for (var entry : page.getEntry())
			if (entry.getResource() instanceof Observation o)
				ids.add(o.getIdElement().getIdPart());
		return ids.size() - before;
	}

	static void run(IGenericClient client, String patient, String family) {
		Patient p = client.read().resource(Patient.class).withId(patient).execute();
		check(p.getNameFirstRep().getFamily().equals(family), "the patient's name");
		check(!p.getIdentifier().isEmpty() && p.hasBirthDate(), "number and birth date");
		Set<String> whole = new TreeSet<>(), paged = new TreeSet<>();
		ids(search(client, patient, 0), whole);
		check(!whole.isEmpty(), "vital signs");
		int pages = 1;
		Bundle page = search(client, patient, 2);
		check(ids(page, paged) <= 2, "the size of a page");
		for (; page.getLink(Bundle.LINK_NEXT) != null; pages++) {
			page = client.loadPage().next(page).execute();
			ids(page, paged);
		}
		check(pages > 1 && paged.equals(whole), "all pages: " + paged.size() + " of " + whole.size());
		try {
			client.read().resource(Patient.class).withId("nobody").execute();
			check(false, "nobody is there");
		} catch (BaseServerResponseException e) {
			check(e.getStatusCode() == 404 || e.getStatusCode() == 400, "nobody: " + e);
			check(e.getOperationOutcome() instanceof OperationOutcome, "with an outcome");
		}
	}

	public static void main(String[] args) {
		FhirContext context = FhirContext.forR4();
		context.getRestfulClientFactory().setServerValidationMode(ServerValidationModeEnum.NEVER);
		IGenericClient client = context.newRestfulGenericClient(args[0]);
		client.setEncoding(EncodingEnum.JSON);
		CapabilityStatement statement = client.capabilities().ofType(CapabilityStatement.class).execute();
		check(statement.getFhirVersion().toCode().equals("4.0.1"), "the version");
		run(client, args[1], args[2]);
		if (statement.getFormat().stream().anyMatch(f -> f.getValue().contains("xml"))) {
			client.setEncoding(EncodingEnum.XML);
			run(client, args[1], args[2]);
		}
		System.out.println(count + " checks");
	}
}
