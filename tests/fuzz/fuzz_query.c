/* Query strings as a server gets them: searched in a store, shown as a page, next pages and all. */
#include "fuzz.h"
#include "request_world.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool filled;
	static const struct http_header header = {{"Content-Type", 12}, {"application/fhir+json", 21}};
	static const char observation[] =
		"{\"resourceType\":\"Observation\",\"id\":\"o\",\"status\":\"final\",\"code\":{"
		"\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"8302-2\"}]},"
		"\"subject\":{\"reference\":\"Patient/p\"},\"valueQuantity\":{\"value\":2}}";
	static const char patient[] = "{\"resourceType\":\"Patient\",\"id\":\"p\",\"name\":[{\"family\":\"Doe\"}]}";
	if (!filled) {
		filled = true;
		request_ask(
			&(struct request_text){S("PUT"), S("/fhir/Observation/o"), &header, 1, str_from(observation)});
		request_ask(&(struct request_text){S("PUT"), S("/fhir/Patient/p"), &header, 1, str_from(patient)});
	}
	if (size > 10000 || memchr(data, 0, size))
		return 0;
	char *target = malloc(size + 32);
	if (!target)
		return 0;
	memcpy(target, "/fhir/Observation?", 18);
	memcpy(target + 18, data, size);
	request_ask(&(struct request_text){.method = S("GET"), .target = str_make(target, size + 18)});
	free(target);
	return 0;
}
