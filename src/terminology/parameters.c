/* Parameters resources (http://hl7.org/fhir/R4/parameters.html), piece by piece. */
#include "terminology/terminology_priv.h"

void parameters_begin(struct json_writer *w)
{
	json_object_begin(w);
	json_put_member(w, S("resourceType"), S("Parameters"));
	json_key(w, S("parameter"));
	json_array_begin(w);
}

void parameters_end(struct json_writer *w)
{
	json_array_end(w);
	json_object_end(w);
}

void parameter_begin(struct json_writer *w, struct str name, struct str key)
{
	json_object_begin(w);
	json_put_member(w, S("name"), name);
	json_key(w, key);
}

void parameter_parts_begin(struct json_writer *w, struct str name)
{
	parameter_begin(w, name, S("part"));
	json_array_begin(w);
}

void parameter_parts_end(struct json_writer *w)
{
	json_array_end(w);
	json_object_end(w);
}

void parameter_text(struct json_writer *w, struct str name, struct str key, struct str text)
{
	if (!text.p)
		return;
	parameter_begin(w, name, key);
	json_put_str(w, text);
	json_object_end(w);
}

void parameter_bool(struct json_writer *w, struct str name, bool value)
{
	parameter_begin(w, name, S("valueBoolean"));
	json_put_bool(w, value);
	json_object_end(w);
}

void parameter_coding(struct json_writer *w, struct str name, struct str system, struct str version, struct str code,
		      struct str display)
{
	if (!code.p)
		return;
	parameter_begin(w, name, S("valueCoding"));
	json_object_begin(w);
	json_put_member(w, S("system"), system);
	if (version.n)
		json_put_member(w, S("version"), version);
	json_put_member(w, S("code"), code);
	json_put_member(w, S("display"), display);
	json_object_end(w);
	json_object_end(w);
}
