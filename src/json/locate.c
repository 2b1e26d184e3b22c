/*
 * Where a value stands in the text it was parsed from. Findings name elements by path ("Patient.name[0].given"); people
 * want a line and a column. Trees do not carry positions, because hardly any value is ever asked for its own, so this
 * scans the text once per question and builds nothing.
 */
#include "json/json.h"

enum { MAX_KEY = 256 };

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(struct str text, size_t at)
{
	while (at < text.n && is_space(text.p[at]))
		at++;
	return at;
}

/* From the opening quote to behind the closing one. */
static size_t skip_string(struct str text, size_t at)
{
	for (at++; at < text.n && text.p[at] != '"'; at++)
		if (text.p[at] == '\\')
			at++;
	return at < text.n ? at + 1 : text.n;
}

/* Behind the value that starts at `at`. */
static size_t skip_value(struct str text, size_t at)
{
	size_t depth = 0;
	while (at < text.n) {
		char c = text.p[at];
		if (c == '"') {
			at = skip_string(text, at);
		} else if (c == '{' || c == '[') {
			depth++;
			at++;
		} else if (depth) {
			depth -= c == '}' || c == ']';
			at++;
		} else {
			while (at < text.n && !is_space(text.p[at]) && !strchr(",]}", text.p[at]))
				at++;
		}
		if (!depth)
			break;
	}
	return at;
}

/* Past a comma and white space; false at the end of the object or array. */
static bool next_item(struct str text, size_t *at)
{
	*at = skip_space(text, *at);
	if (*at < text.n && text.p[*at] == ',')
		*at = skip_space(text, *at + 1);
	return *at < text.n && text.p[*at] != '}' && text.p[*at] != ']';
}

/* A choice is asked for by its bare name: "value" is the valueQuantity that is there. */
static bool is_choice_of(struct str key, struct str name)
{
	return key.n > name.n && str_starts(key, name) && key.p[name.n] >= 'A' && key.p[name.n] <= 'Z';
}

/* Where the value of a member starts, in the object that starts at `at`; STR_NONE when there is none. */
static size_t find_member(struct str text, size_t at, struct str name)
{
	size_t choice = STR_NONE;
	for (at++; next_item(text, &at);) {
		size_t end = text.p[at] == '"' ? skip_string(text, at) : text.n;
		if (end < at + 2 || end >= text.n)
			return choice;
		struct str key = str_slice(text, at + 1, end - 1);
		at = skip_space(text, end);
		at = skip_space(text, at + (at < text.n && text.p[at] == ':'));
		if (str_eq(key, name))
			return at;
		if (choice == STR_NONE && is_choice_of(key, name))
			choice = at;
		at = skip_value(text, at);
	}
	return choice;
}

static size_t find_item(struct str text, size_t at, size_t index)
{
	for (at++; next_item(text, &at); index--) {
		if (index == 0)
			return at;
		at = skip_value(text, at);
	}
	return STR_NONE;
}

static bool starts(struct str text, size_t at, char bracket)
{
	return at < text.n && text.p[at] == bracket;
}

/* One index down from the value at `at`. A single value is its own item 0; without an index an array is entered at its
 * first item, but only when there is further to go. */
static size_t take_index(struct str text, size_t at, size_t index, bool further)
{
	if (at == STR_NONE)
		return at;
	if (!starts(text, at, '['))
		return index == 0 || index == JSON_NO_INDEX ? at : STR_NONE;
	if (index == JSON_NO_INDEX && !further)
		return at;
	return find_item(text, at, index == JSON_NO_INDEX ? 0 : index);
}

/* The id and extensions of a primitive stand beside it: "_birthDate". */
static size_t find_twin(struct str text, size_t object, const struct json_step *step, bool further)
{
	char name[MAX_KEY];
	if (step->name.n + 1 > sizeof(name))
		return STR_NONE;
	name[0] = '_';
	memcpy(name + 1, step->name.p, step->name.n);
	size_t at = find_member(text, object, str_make(name, step->name.n + 1));
	return take_index(text, at, step->index, further);
}

static size_t take_step(struct str text, size_t at, const struct json_step *step, bool further)
{
	if (!step->name.p)
		return take_index(text, at, step->index, further);
	if (!starts(text, at, '{'))
		return STR_NONE;
	size_t value = take_index(text, find_member(text, at, step->name), step->index, further);
	if (value != STR_NONE && (!further || starts(text, value, '{') || starts(text, value, '[')))
		return value;
	size_t twin = find_twin(text, at, step, further);
	return twin != STR_NONE ? twin : value;
}

size_t json_locate(struct str text, const struct json_step *steps, size_t count, size_t *ret_line, size_t *ret_column)
{
	size_t at = skip_space(text, 0), taken = 0;
	if (str_starts(text, S("\xef\xbb\xbf")))
		at = skip_space(text, 3);
	for (; taken < count; taken++) {
		size_t next = take_step(text, at, &steps[taken], taken + 1 < count);
		if (next == STR_NONE || next >= text.n)
			break;
		at = next;
	}
	json_position(text, at, ret_line, ret_column);
	return taken;
}

void json_position(struct str text, size_t at, size_t *ret_line, size_t *ret_column)
{
	size_t line = 1, start = 0;
	if (at > text.n)
		at = text.n;
	for (const char *p; start < at && (p = memchr(text.p + start, '\n', at - start));) {
		line++;
		start = (size_t)(p - text.p) + 1;
	}
	*ret_line = line;
	*ret_column = at - start + 1;
}

/* "[12]" at *at. False when there is no index. */
static bool parse_index(struct str path, size_t *at, size_t *ret_index)
{
	uint64_t index;
	size_t end = *at < path.n && path.p[*at] == '[' ? str_find_char(path, ']', *at) : STR_NONE;
	if (end == STR_NONE || !str_to_u64(str_slice(path, *at + 1, end), &index))
		return false;
	*ret_index = (size_t)index;
	*at = end + 1;
	return true;
}

static size_t end_of_name(struct str path, size_t at)
{
	while (at < path.n && path.p[at] != '.' && path.p[at] != '[' && path.p[at] != '(')
		at++;
	return at;
}

/* "ofType(Quantity)" behind a step makes "value" the member "valueQuantity". */
static bool join_type(struct arena *a, struct json_step *step, struct str type)
{
	struct str name = step->name;
	char *joined = arena_alloc(a, name.n + type.n + 1);
	if (!joined)
		return false;
	if (name.n)
		memcpy(joined, name.p, name.n);
	if (type.n)
		memcpy(joined + name.n, type.p, type.n);
	char *first = joined + name.n;
	if (type.n && *first >= 'a' && *first <= 'z')
		*first = (char)(*first - 'a' + 'A');
	step->name = str_make(joined, name.n + type.n);
	return true;
}

bool json_path_parse(struct arena *a, struct str path, struct json_step *steps, size_t max, size_t *ret_count)
{
	size_t count = 0, at = 0;
	size_t dot = end_of_name(path, 0);
	if (dot && path.p[0] >= 'A' && path.p[0] <= 'Z') /* the resource type names the whole */
		at = dot;
	while (at < path.n) {
		struct json_step step = {STR_NULL, JSON_NO_INDEX};
		at += path.p[at] == '.';
		size_t end = end_of_name(path, at);
		if (end > at)
			step.name = str_slice(path, at, end);
		if (end < path.n && path.p[end] == '(') {
			size_t close = str_find_char(path, ')', end);
			if (close == STR_NONE || !count || !str_is(step.name, "ofType"))
				return false;
			if (!join_type(a, &steps[count - 1], str_slice(path, end + 1, close)))
				return false;
			at = close + 1;
			parse_index(path, &at, &steps[count - 1].index);
			continue;
		}
		at = end;
		if (str_starts(str_slice(path, at, path.n), S("[x]")))
			at += 3;
		bool indexed = parse_index(path, &at, &step.index);
		if ((!step.name.p && !indexed) || count == max ||
		    (at < path.n && path.p[at] != '.' && path.p[at] != '['))
			return false;
		steps[count++] = step;
	}
	*ret_count = count;
	return true;
}
