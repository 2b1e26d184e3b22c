/*
 * The HL7 Java validator as a peer of the differential tests: it answers one command a line, so that its start is paid
 * once. Fields are separated by tabs; each answer is one line of JSON.
 *   load FILE                    a conformance resource (R4, JSON) becomes known
 *   package NAME#VERSION         all of a package do, which is in the cache
 *   validate FILE PROFILE,...    {"issues":[{"severity","location","text","id"}]}
 *   snapshot FILE                the snapshot that it generates for a StructureDefinition, as R4 JSON
 *   expand FILE                  the expansion of a ValueSet, as R4 JSON
 * usage: Peer, with a package cache that holds R4 below user.home (see ../../../../packages.py). No network is used.
 */
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.hl7.fhir.convertors.factory.VersionConvertorFactory_40_50;
import org.hl7.fhir.r5.context.ContextUtilities;
import org.hl7.fhir.r5.elementmodel.Manager.FhirFormat;
import org.hl7.fhir.r5.model.Resource;
import org.hl7.fhir.r5.model.StructureDefinition;
import org.hl7.fhir.r5.model.ValueSet;
import org.hl7.fhir.r5.terminologies.expansion.ValueSetExpansionOutcome;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;
import org.hl7.fhir.r5.utils.validation.constants.ReferenceValidationPolicy;
import org.hl7.fhir.utilities.validation.ValidationMessage;
import org.hl7.fhir.validation.ValidationEngine;
import org.hl7.fhir.validation.instance.InstanceValidator;
import org.hl7.fhir.validation.instance.advisor.BasePolicyAdvisorForFullValidation;

public final class Peer {
	private final ValidationEngine engine;

	private Peer() throws Exception {
		engine = new ValidationEngine.ValidationEngineBuilder()
				.withVersion("4.0.1")
				.withNoTerminologyServer()
				.withThoVersion("7.0.1")
				.fromSource("hl7.fhir.r4.core#4.0.1");
		engine.connectToTSServer(null, null, null, false);
		engine.setAllowExampleUrls(true);
		engine.setBestPracticeLevel(BestPracticeWarningLevel.Ignore);
		engine.setPolicyAdvisor(new BasePolicyAdvisorForFullValidation(ReferenceValidationPolicy.IGNORE));
	}

	private static String quoted(String text) {
		StringBuilder out = new StringBuilder("\"");
		for (char c : (text == null ? "" : text).toCharArray()) {
			if (c == '"' || c == '\\') {
				out.append('\\').append(c);
			} else if (c < ' ' || Character.isSurrogate(c)) {
				out.append(String.format("\\u%04x", (int) c));
			} else {
				out.append(c);
			}
		}
		return out.append('"').toString();
	}

	private static Resource read(String file) throws Exception {
		byte[] bytes = Files.readAllBytes(Path.of(file));
		return VersionConvertorFactory_40_50.convertResource(
				new org.hl7.fhir.r4.formats.JsonParser().parse(new ByteArrayInputStream(bytes)));
	}

	private static String written(Resource resource) throws Exception {
		return new org.hl7.fhir.r4.formats.JsonParser().setOutputStyle(org.hl7.fhir.r4.formats.IParser.OutputStyle.NORMAL)
				.composeString(VersionConvertorFactory_40_50.convertResource(resource)).replace("\n", " ");
	}

	private String validate(String file, String profiles) throws Exception {
		List<ValidationMessage> messages = new ArrayList<>();
		FhirFormat format = file.endsWith(".xml") ? FhirFormat.XML : FhirFormat.JSON;
		List<String> named = profiles.isEmpty() ? List.of() : Arrays.asList(profiles.split(","));
		InstanceValidator validator = engine.getValidator(format);
		validator.setLogProgress(false);
		validator.validate(null, messages, new ByteArrayInputStream(Files.readAllBytes(Path.of(file))), format,
				engine.asSdList(named));
		StringBuilder out = new StringBuilder("{\"issues\":[");
		for (ValidationMessage m : messages) {
			out.append(out.charAt(out.length() - 1) == '[' ? "" : ",");
			out.append("{\"severity\":").append(quoted(m.getLevel().toCode()));
			out.append(",\"location\":").append(quoted(m.getLocation()));
			out.append(",\"text\":").append(quoted(m.getMessage()));
			out.append(",\"id\":").append(quoted(m.getMessageId())).append('}');
		}
		return out.append("]}").toString();
	}

	private String snapshot(String file) throws Exception {
		StructureDefinition profile = (StructureDefinition) read(file);
		profile.setSnapshot(null);
		new ContextUtilities(engine.getContext()).generateSnapshot(profile);
		return written(profile);
	}

	private String expand(String file) throws Exception {
		ValueSetExpansionOutcome outcome = engine.getContext().expandVS((ValueSet) read(file), false, true);
		return outcome.getValueset() == null ? "{\"error\":" + quoted(outcome.getError()) + "}"
				: written(outcome.getValueset());
	}

	private String answer(String[] words) throws Exception {
		switch (words[0]) {
		case "load":
			engine.getContext().cacheResource(read(words[1]));
			return "{}";
		case "package":
			engine.getIgLoader().loadIg(engine.getIgs(), engine.getBinaries(), words[1], false);
			return "{}";
		case "validate":
			return validate(words[1], words.length > 2 ? words[2] : "");
		case "snapshot":
			return snapshot(words[1]);
		case "expand":
			return expand(words[1]);
		default:
			throw new IllegalArgumentException("unknown command " + words[0]);
		}
	}

	public static void main(String[] args) throws Exception {
		PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
		System.setOut(new PrintStream(OutputStream.nullOutputStream())); /* its log would get between the answers */
		Peer peer = new Peer();
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
		out.println("{\"ready\":true}");
		for (String line = in.readLine(); line != null; line = in.readLine()) {
			String answer;
			try {
				answer = peer.answer(line.split("\t", -1));
			} catch (Throwable e) {
				answer = "{\"crash\":" + quoted(e.toString()) + "}";
			}
			out.println(answer);
		}
	}
}
