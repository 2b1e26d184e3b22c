/*
 * Codes. A concept's codings get canonical systems, a standard code where a table knows one for the vendor's, and one
 * order; what says the same twice is said once. Whatever is not known stays, behind the others.
 */
#include "normal/normal_priv.h"

enum { CODINGS_MAX = 256, RANK_UNKNOWN = 90, RANK_BARE = 95, RANK_LOCAL = 99, DEMOTIONS = 16, NAMES_NOTHING = 8 };

struct item {
	const struct json *j; /* NULL: added */
	const struct vendor_code *added;
	struct str system, code; /* trimmed */
	const struct system_spelling *spelling; /* NULL: not known, or not to be taken for the system itself */
	size_t from;
	int rank;
	bool text; /* words in the place of a code */
	bool repeated;
};
struct items {
	struct item *all;
	size_t count;
};

static const struct known_system *known(const struct item *item)
{
	return item->spelling ? item->spelling->known : NULL;
}

static int demotion(const struct walk *k, const struct item *item)
{
	if (!known(item) || !known(item)->loinc || !item->code.n)
		return 0;
	char key[96];
	struct str parts[] = {S("*|" NORMAL_LOINC "|"), item->code};
	if (parts[0].n + item->code.n > sizeof(key))
		return 0;
	memcpy(key, parts[0].p, parts[0].n);
	memcpy(key + parts[0].n, item->code.p, item->code.n);
	const uint64_t *slot = map_get(&k->n->order, str_make(key, parts[0].n + item->code.n));
	return slot ? (int)*slot - 1 : 0;
}

/* ---- check digits ------------------------------------------------------------------------------------------------ */

/* The last digit by the Luhn way over those before the dash. Parts and answers (LP, LA) have letters in front. */
bool check_digit_loinc(struct str code)
{
	size_t dash = str_rfind_char(code, '-');
	if (dash == STR_NONE || dash == 0 || dash + 2 != code.n)
		return false;
	unsigned sum = 0;
	bool twice = true;
	for (size_t i = dash; i-- > 0;) {
		char c = code.p[i];
		if (c < '0' || c > '9')
			return i + 1 < dash && (str_starts(code, S("LP")) || str_starts(code, S("LA")) ||
						str_starts(code, S("LG")) || str_starts(code, S("LL")));
		unsigned digit = (unsigned)(c - '0') * (twice ? 2 : 1);
		sum += digit > 9 ? digit - 9 : digit;
		twice = !twice;
	}
	return (unsigned)(code.p[dash + 1] - '0') == (10 - sum % 10) % 10;
}

/* Verhoeff's scheme: SNOMED CT, "check-digit". */
bool check_digit_snomed(struct str code)
{
	static const unsigned char multiply[10][10] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5},
						       {2, 3, 4, 0, 1, 7, 8, 9, 5, 6}, {3, 4, 0, 1, 2, 8, 9, 5, 6, 7},
						       {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
						       {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3},
						       {8, 7, 6, 5, 9, 3, 2, 1, 0, 4}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0}};
	static const unsigned char permute[8][10] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4},
						     {5, 8, 0, 3, 7, 9, 6, 1, 4, 2}, {8, 9, 1, 6, 0, 4, 3, 5, 2, 7},
						     {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
						     {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8}};
	unsigned check = 0;
	for (size_t i = 0; i < code.n; i++) {
		char c = code.p[code.n - 1 - i];
		if (c < '0' || c > '9')
			return false;
		check = multiply[check][permute[i % 8][c - '0']];
	}
	return code.n >= 6 && code.n <= 18 && check == 0;
}

static bool is_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

/* A name that holds only where no code of the system itself stands beside, and only once. */
static void settle_alone(const struct walk *k, struct items *items)
{
	size_t alone = 0;
	bool beside = false;
	for (size_t i = 0; i < items->count; i++) {
		const struct item *item = &items->all[i];
		if (item->spelling && item->spelling->alone)
			alone++;
		else if (item->spelling && item->spelling->known->loinc && demotion(k, item) < NAMES_NOTHING)
			beside = true;
	}
	for (size_t i = 0; i < items->count; i++) {
		struct item *item = &items->all[i];
		if (item->spelling && item->spelling->alone && (beside || alone > 1 || !check_digit_loinc(item->code)))
			item->spelling = NULL;
	}
}

static bool has(const struct walk *k, const struct items *items, const struct known_system *system)
{
	for (size_t i = 0; i < items->count; i++)
		if (known(&items->all[i]) == system && !items->all[i].text &&
		    demotion(k, &items->all[i]) < NAMES_NOTHING)
			return true;
	return false;
}

/* Does another concept of the same list have the code? */
static bool stands_beside(const struct json *list, const struct vendor_code *code)
{
	struct json_iter concepts = json_iter(list);
	while (json_next(&concepts)) {
		struct json_iter it = json_iter(json_get(concepts.value, S("coding")));
		while (json_next(&it))
			if (str_eq(json_get_str(it.value, S("code")), code->code) &&
			    str_eq(json_get_str(it.value, S("system")), code->system->name))
				return true;
	}
	return false;
}

static void add_code(const struct walk *k, struct items *items, const struct vendor_code *code)
{
	if (items->count == CODINGS_MAX)
		return;
	items->all[items->count] = (struct item){.added = code,
						 .system = code->system->name,
						 .code = code->code,
						 .spelling = normal_system(k->n, code->system->name),
						 .from = items->count};
	items->count++;
}

static void add_codes(struct walk *k, struct items *items, const struct vendor_code *extra, const struct json *list)
{
	size_t given = items->count;
	for (size_t i = 0; i < given; i++) {
		const struct item *item = &items->all[i];
		if (item->spelling || !item->system.n || !item->code.n)
			continue;
		const struct vendor_code *code = normal_vendor_code(k->n, item->system, item->code);
		if (code && !has(k, items, code->system) && !stands_beside(list, code))
			add_code(k, items, code);
	}
	if (extra && !has(k, items, extra->system))
		add_code(k, items, extra);
}

/* False when there are too many to look at. */
static bool collect(struct walk *k, const struct json *concept, const struct vendor_code *extra,
		    const struct json *list, struct items *items)
{
	items->count = 0;
	if (json_size(json_get(concept, S("coding"))) > CODINGS_MAX - 8)
		return false;
	struct json_iter it = json_iter(json_get(concept, S("coding")));
	if (!json_is(json_get(concept, S("coding")), JSON_ARRAY))
		it.left = 0;
	while (json_next(&it)) {
		struct item *item = &items->all[items->count];
		*item = (struct item){.j = it.value, .from = items->count};
		item->system = str_trim(json_get_str(it.value, S("system")));
		item->code = str_trim(json_get_str(it.value, S("code")));
		item->spelling = normal_system(k->n, item->system);
		item->text = known(item) && known(item)->snomed && item->code.n && !is_digits(item->code);
		items->count++;
	}
	settle_alone(k, items);
	add_codes(k, items, extra, list);
	return true;
}

const struct result_unit *walk_result_unit(struct walk *k, const struct json *concept)
{
	struct item all[CODINGS_MAX];
	struct items items = {.all = all};
	if (!concept || !collect(k, concept, NULL, NULL, &items))
		return NULL;
	for (size_t i = 0; i < items.count; i++) {
		const uint64_t *slot =
			known(&all[i]) && known(&all[i])->loinc ? map_get(&k->n->results, all[i].code) : NULL;
		if (slot)
			return (const struct result_unit *)(uintptr_t)*slot;
	}
	return NULL;
}

/* ---- ordering ---------------------------------------------------------------------------------------------------- */

static int rank_of(const struct walk *k, const struct item *item, struct str path, bool own_order)
{
	if (item->text || !item->system.n)
		return RANK_BARE * DEMOTIONS;
	if (!item->spelling)
		return (normal_system_is_local(item->system) ? RANK_LOCAL : RANK_UNKNOWN) * DEMOTIONS;
	const struct known_system *system = item->spelling->known;
	uintptr_t own = own_order ? (uintptr_t)normal_find(&k->n->order, NULL, path, system->name) : 0;
	return (own ? (int)own - 1 : system->rank) * DEMOTIONS + demotion(k, item);
}

static bool sort(const struct walk *k, struct items *items, const struct spot *at)
{
	struct str path = at->element ? at->element->path : STR_NULL;
	bool own_order = path.n && map_get(&k->n->ordered, path), moved = false;
	for (size_t i = 0; i < items->count; i++) {
		struct item item = items->all[i];
		item.rank = rank_of(k, &item, path, own_order);
		size_t to = i;
		for (; to > 0 && items->all[to - 1].rank > item.rank; to--)
			items->all[to] = items->all[to - 1];
		items->all[to] = item;
		moved = moved || (to != i && item.j);
	}
	return moved;
}

/* Every member of the second is in the first with the same value. */
static bool says_no_more(const struct json *first, const struct json *second)
{
	struct json_iter it = json_iter(second);
	while (json_next(&it)) {
		if (str_is(it.key, "system") || str_is(it.key, "code"))
			continue;
		const struct json *other = json_get(first, it.key);
		bool same = json_is(it.value, JSON_STRING) ? str_eq(json_str(other), json_str(it.value)) && other
			    : json_is(it.value, JSON_BOOL)
				    ? json_is(other, JSON_BOOL) && json_bool(other) == json_bool(it.value)
				    : false;
		if (!same)
			return false;
	}
	return true;
}

static struct str system_name(const struct item *item)
{
	return item->spelling ? item->spelling->known->name : item->system;
}

static void find_repeated(struct items *items)
{
	for (size_t i = 1; i < items->count; i++)
		for (size_t o = 0; o < i && !items->all[i].repeated; o++) {
			const struct item *other = &items->all[o];
			struct item *item = &items->all[i];
			if (item->j && other->j && !other->repeated && !item->text && !other->text && item->code.n &&
			    str_eq(item->code, other->code) && str_eq(system_name(item), system_name(other)) &&
			    says_no_more(other->j, item->j))
				item->repeated = true;
		}
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

struct str walk_system(struct walk *k, const struct system_spelling *spelling, struct str name, const struct spot *at)
{
	if (!spelling || str_eq(spelling->known->name, name))
		return name;
	walk_note(k, NORMAL_SYSTEM, at, "system", name, spelling->known->name, spelling->source);
	return spelling->known->name;
}

static struct str coded(struct walk *k, const struct item *item)
{
	return walk_explains(k) ? arena_printf(&k->scratch, "%.*s|%.*s", STR_ARG(item->system), STR_ARG(item->code))
				: S("");
}

static void write_added(struct walk *k, const struct item *item, const struct spot *at)
{
	const struct vendor_code *c = item->added;
	enum normal_rule rule = c->verified ? NORMAL_CODE_ADDED : NORMAL_CODE_UNVERIFIED;
	walk_note(k, rule, at, NULL, STR_NULL, coded(k, item), c->source);
	json_object_begin(&k->w);
	json_key(&k->w, S("extension"));
	json_array_begin(&k->w);
	json_object_begin(&k->w);
	json_put_member(&k->w, S("url"), S(NORMAL_MARK));
	json_put_member(&k->w, S("valueCode"), str_from(normal_rule_name(rule)));
	json_object_end(&k->w);
	json_array_end(&k->w);
	json_put_member(&k->w, S("system"), c->system->name);
	json_put_member(&k->w, S("code"), c->code);
	if (c->display.n)
		json_put_member(&k->w, S("display"), c->display);
	json_object_end(&k->w);
}

/* A coding with other words for its system. */
static void write_coding(struct walk *k, const struct json *j, const struct system_spelling *spelling,
			 const struct spot *at)
{
	json_object_begin(&k->w);
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		if (!str_is(it.key, "system") || !spelling || !json_is(it.value, JSON_STRING)) {
			walk_member(k, k->n->coding, it.key, it.value, at);
			continue;
		}
		json_key(&k->w, it.key);
		json_put_str(&k->w, walk_system(k, spelling, json_str(it.value), at));
	}
	json_object_end(&k->w);
}

/* "Rash" is no code of SNOMED CT, but it says something. */
static void write_text_coding(struct walk *k, const struct item *item, const struct spot *at)
{
	walk_note(k, NORMAL_CODE_TEXT, at, NULL, coded(k, item), item->code, STR_NULL);
	json_object_begin(&k->w);
	struct json_iter it = json_iter(item->j);
	bool display = false;
	while (json_next(&it)) {
		if (str_is(it.key, "system") || str_is(it.key, "code"))
			continue;
		display = display || str_is(it.key, "display");
		walk_member(k, k->n->coding, it.key, it.value, at);
	}
	if (!display)
		json_put_member(&k->w, S("display"), item->code);
	json_object_end(&k->w);
}

static void check_code(struct walk *k, const struct item *item, const struct spot *at)
{
	const struct known_system *system = known(item);
	if (!system || item->added || item->text || !item->code.n)
		return;
	if ((system->loinc && !check_digit_loinc(item->code)) || (system->snomed && !check_digit_snomed(item->code)))
		walk_note(k, NORMAL_CODE_DOUBTFUL, at, NULL, coded(k, item), coded(k, item), STR_NULL);
}

static void write_item(struct walk *k, const struct item *item, const struct spot *at)
{
	check_code(k, item, at);
	if (item->repeated)
		walk_note(k, NORMAL_CODE_REPEATED, at, NULL, coded(k, item), STR_NULL, STR_NULL);
	else if (item->added)
		write_added(k, item, at);
	else if (item->text)
		write_text_coding(k, item, at);
	else if (!json_is(item->j, JSON_OBJECT))
		json_put_value(&k->w, item->j);
	else
		write_coding(k, item->j, item->spelling, at);
}

static struct str codes_in_order(struct walk *k, const struct json *coding, const struct items *items)
{
	struct buf out;
	if (!walk_explains(k))
		return S("");
	buf_init(&out, 1 << 16);
	struct json_iter it = json_iter(coding);
	for (size_t i = 0; items ? i < items->count : json_next(&it); i++) {
		const struct item *item = items ? &items->all[i] : NULL;
		if (item && (!item->j || item->repeated))
			continue;
		buf_add(&out, out.n ? S(", ") : S(""));
		buf_add(&out, item ? item->code : json_get_str(it.value, S("code")));
	}
	struct str text = arena_str(&k->scratch, buf_str(&out));
	buf_done(&out);
	return text;
}

static void write_codings(struct walk *k, const struct json *concept, const struct items *items, bool moved,
			  const struct spot *at)
{
	json_key(&k->w, S("coding"));
	json_array_begin(&k->w);
	for (size_t i = 0; i < items->count; i++) {
		const struct item *item = &items->all[i];
		const struct spot coding = {.parent = at, .name = S("coding"), .index = item->from, .unit = at->unit};
		write_item(k, item, &coding);
	}
	json_array_end(&k->w);
	if (moved)
		walk_note(k, NORMAL_CODE_ORDER, at, NULL, codes_in_order(k, json_get(concept, S("coding")), NULL),
			  codes_in_order(k, NULL, items), STR_NULL);
}

static void note_local(struct walk *k, const struct items *items, const struct spot *at)
{
	const struct item *first = NULL;
	for (size_t i = 0; i < items->count; i++) {
		if (items->all[i].spelling || str_starts(items->all[i].system, S("http://terminology.hl7.org/")) ||
		    str_starts(items->all[i].system, S("http://hl7.org/fhir/")))
			return;
		if (!first && items->all[i].system.n)
			first = &items->all[i];
	}
	if (first)
		walk_note(k, NORMAL_CODE_LOCAL, at, NULL, coded(k, first), coded(k, first), STR_NULL);
}

void walk_concept(struct walk *k, const struct json *j, const struct vendor_code *extra, const struct spot *at)
{
	struct item all[CODINGS_MAX];
	struct items items = {.all = all};
	if (!collect(k, j, extra, at->list, &items)) {
		walk_members(k, k->n->concept, j, at);
		return;
	}
	bool moved = sort(k, &items, at), written = items.count == 0;
	struct str words = STR_NULL;
	find_repeated(&items);
	note_local(k, &items, at);
	for (size_t i = 0; i < items.count && !words.p; i++)
		if (all[i].text)
			words = all[i].code;
	json_object_begin(&k->w);
	struct json_iter it = json_iter(j);
	while (json_next(&it)) {
		bool coding = str_is(it.key, "coding") && json_is(it.value, JSON_ARRAY);
		if (!written && (coding || (str_is(it.key, "text") && !json_get(j, S("coding"))))) {
			write_codings(k, j, &items, moved, at);
			written = true;
		}
		if (!coding || !items.count)
			walk_member(k, k->n->concept, it.key, it.value, at);
		if (str_is(it.key, "text"))
			words = STR_NULL;
	}
	if (!written)
		write_codings(k, j, &items, moved, at);
	if (words.p)
		json_put_member(&k->w, S("text"), words);
	json_object_end(&k->w);
}

void walk_coding(struct walk *k, const struct json *j, const struct spot *at)
{
	struct str system = str_trim(json_get_str(j, S("system")));
	const struct system_spelling *spelling = normal_system(k->n, system);
	if (spelling && spelling->alone && !check_digit_loinc(json_get_str(j, S("code"))))
		spelling = NULL;
	const struct item item = {.j = j, .system = system, .code = json_get_str(j, S("code")), .spelling = spelling};
	if (!spelling && item.code.n && normal_system_is_local(system))
		walk_note(k, NORMAL_CODE_LOCAL, at, NULL, coded(k, &item), coded(k, &item), STR_NULL);
	write_coding(k, j, spelling, at);
}
