import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import org.fhir.ucum.Decimal;
import org.fhir.ucum.UcumEssenceService;
import org.fhir.ucum.UcumService;
import org.hl7.fhir.r4.context.IWorkerContext;
import org.hl7.fhir.r4.hapi.ctx.HapiWorkerContext;
import org.hl7.fhir.r4.model.Base;
import org.hl7.fhir.r4.model.Parameters;
import org.hl7.fhir.r4.model.Resource;
import org.hl7.fhir.r4.fhirpath.FHIRPathEngine;
import org.hl7.fhir.r4.fhirpath.ExpressionNode;

/** Answers NDJSON requests with HAPI: {"expression","file"} by its FHIRPath engine, {"patch","resource"} by its FHIRPath Patch. */
public class Peer {
	static final ObjectMapper json = new ObjectMapper();
	static final FhirContext fhir = FhirContext.forR4();
	static UcumService units;
	static final Map<String, Resource> resources = new HashMap<>();

	static Resource read(String file) throws Exception {
		Resource r = resources.get(file);
		if (r == null) {
			r = (Resource) fhir.newJsonParser().parseResource(Files.readString(Path.of(file)));
			resources.put(file, r);
		}
		return r;
	}

	/** HAPI's context, with the units that it leaves out. */
	static IWorkerContext context() throws Exception {
		IWorkerContext bare = new HapiWorkerContext(fhir, new DefaultProfileValidationSupport(fhir));
		return (IWorkerContext) Proxy.newProxyInstance(Peer.class.getClassLoader(), new Class<?>[] {IWorkerContext.class}, (proxy, method, args) -> {
			if (method.getName().equals("getUcumService"))
				return units;
			try {
				return method.invoke(bare, args);
			} catch (InvocationTargetException e) {
				throw e.getCause();
			}
		});
	}

	static ObjectNode item(Base b) {
		ObjectNode out = json.createObjectNode();
		out.put("type", b.fhirType());
		if (b.isPrimitive())
			out.put("value", b.primitiveValue());
		else if (b instanceof org.hl7.fhir.r4.model.Quantity q)
			out.put("value", (q.hasValue() ? q.getValue().toPlainString() : "") + " " + (q.hasCode() ? q.getCode() : q.getUnit()));
		else
			out.putNull("value");
		return out;
	}

	public static void main(String[] args) throws Exception {
		units = new UcumEssenceService(Peer.class.getResourceAsStream("/ucum-essence.xml"));
		FHIRPathEngine engine = new FHIRPathEngine(context());
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
		PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
		System.setOut(System.err);
		for (String line; (line = in.readLine()) != null;) {
			JsonNode request = json.readTree(line);
			ObjectNode answer = json.createObjectNode();
			try {
				if (request.has("unit")) {
					String unit = request.get("unit").asText();
					String why = units.validate(unit);
					answer.put("valid", why == null);
					if (request.has("to"))
						answer.put("value", units.convert(new Decimal(request.get("value").asText()), unit, request.get("to").asText()).asDecimal());
				} else if (request.has("patch")) {
					Resource r = (Resource) fhir.newJsonParser().parseResource(request.get("resource").toString());
					Parameters p = fhir.newJsonParser().parseResource(Parameters.class, request.get("patch").toString());
					new ca.uhn.fhir.jpa.patch.FhirPatch(fhir).apply(r, p);
					answer.set("resource", json.readTree(fhir.newJsonParser().encodeResourceToString(r)));
				} else {
					Resource r = request.has("file") ? read(request.get("file").asText()) : null;
					ExpressionNode node = engine.parse(request.get("expression").asText());
					List<Base> result = engine.evaluate(null, r, r, r, node);
					ArrayNode items = answer.putArray("result");
					for (Base b : result)
						items.add(item(b));
				}
			} catch (Throwable t) {
				answer.remove("result");
				answer.put("error", String.valueOf(t.getMessage()));
			}
			out.println(answer);
			out.flush();
		}
	}
}
