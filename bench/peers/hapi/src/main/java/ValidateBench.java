/*
 * The HAPI FHIR validator (which wraps the HL7 Java validator) as a peer: validates every line of an NDJSON file of R4
 * resources against base R4, offline, and prints one line of JSON with the figures that bench/validate_bench prints.
 * usage: ValidateBench FILE.ndjson SECONDS
 */
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.ValidationResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.hl7.fhir.common.hapi.validation.support.CachingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;

public final class ValidateBench {
	private static FhirValidator makeValidator() {
		FhirContext context = FhirContext.forR4Cached();
		ValidationSupportChain chain = new ValidationSupportChain(
				new DefaultProfileValidationSupport(context),
				new CommonCodeSystemsTerminologyService(context),
				new InMemoryTerminologyServerValidationSupport(context),
				new SnapshotGeneratingValidationSupport(context));
		FhirInstanceValidator instance = new FhirInstanceValidator(new CachingValidationSupport(chain));
		instance.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
		FhirValidator validator = context.newValidator();
		validator.registerValidatorModule(instance);
		return validator;
	}

	private static boolean hasErrors(ValidationResult result) {
		return result.getMessages().stream().anyMatch(m -> m.getSeverity().compareTo(ResultSeverityEnum.ERROR) >= 0);
	}

	public static void main(String[] args) throws Exception {
		long started = System.nanoTime();
		List<String> lines = Files.readAllLines(Path.of(args[0])).stream().filter(l -> !l.isBlank()).toList();
		double seconds = Double.parseDouble(args[1]);
		FhirValidator validator = makeValidator();
		validator.validateWithResult(lines.get(0));
		double first = (System.nanoTime() - started) / 1e6;
		long invalid = 0;
		for (String line : lines) { /* one whole round to warm up */
			if (hasErrors(validator.validateWithResult(line))) {
				invalid++;
			}
		}
		long[] times = new long[1 << 20];
		int count = 0;
		long begin = System.nanoTime();
		while (count < times.length && System.nanoTime() - begin < seconds * 1e9) {
			String line = lines.get(count % lines.size());
			long at = System.nanoTime();
			validator.validateWithResult(line);
			times[count++] = System.nanoTime() - at;
		}
		double took = (System.nanoTime() - begin) / 1e9;
		Arrays.sort(times, 0, count);
		System.out.printf(
				"{\"peer\":\"hapi\",\"resources\":%d,\"with_errors\":%d,\"per_second\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"first_ms\":%.0f}%n",
				lines.size(), invalid, count / took, times[count / 2] / 1e3, times[(int) (count * 0.99)] / 1e3, first);
	}
}
