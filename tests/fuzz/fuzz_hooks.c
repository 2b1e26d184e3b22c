/*
 * Any bytes as the request of a hook. Reading must end with a request, or an error that names a member; whatever is
 * read is checked as orders with what was sent along, and its answer must be JSON whose summaries are short. Bytes that
 * are no request become texts of a card, and a prefetch template.
 */
#include <assert.h>

#include "base/unicode.h"
#include "fuzz.h"
#include "hooks/orders.h"

enum { MAX_MEMORY = 64 << 20, KEYS = 16 };

static const struct knowledge *known(void)
{
	static struct arena arena;
	static struct knowledge *k;
	struct error err = {0};
	if (!k) {
		arena_init(&arena, MAX_MEMORY);
		k = knowledge_new(&arena, NULL, 0, &err);
	}
	assert(k);
	return k;
}

static void check_answer(struct arena *a, const struct hook_answer *answer)
{
	struct error err = {0};
	struct buf out;
	buf_init(&out, MAX_MEMORY);
	assert(hook_answer_write(answer, &out, &err));
	const struct json *j = json_parse(a, buf_str(&out), 0, &err);
	assert(j || err.code == ERR_MEMORY);
	struct json_iter it = json_iter(json_get(j, S("cards")));
	while (json_next(&it))
		assert(unicode_length(json_get_str(it.value, S("summary"))) <= HOOK_SUMMARY_MAX);
	buf_done(&out);
}

static void check_orders(struct arena *a, const struct hook_request *r)
{
	struct hook_prefetch_value values[KEYS];
	struct hook_prefetch p = {values, 0};
	struct policy policy = policy_default();
	struct hook_orders orders;
	struct hook_problems problems;
	struct hook_answer answer = {0};
	struct str missing[KEYS];
	struct error err = {0};
	const struct hook_orders_options o = {known(), &policy, S("nurse"), 1795651200000};
	struct json_iter it = json_iter(r->prefetch);
	while (p.count < KEYS && json_next(&it))
		values[p.count++] = (struct hook_prefetch_value){it.key, it.value};
	(void)hook_orders_missing(a, r, &p, missing, KEYS, &err);
	if (!hook_orders_check(&o, a, r, &p, &orders, &err) || !hook_orders_problems(&o, a, &orders, &problems, &err))
		return;
	for (size_t i = 0; i < problems.count; i++)
		if (!hook_orders_card(&o, a, &orders, &problems.items[i], i % 2, &answer, &err))
			return;
	check_answer(a, &answer);
}

static void check_texts(struct arena *a, struct str text)
{
	struct error err = {0};
	struct hook_answer answer = {0};
	struct buf detail;
	struct hook_card *card = hook_answer_card(&answer, a, &err);
	assert(card);
	buf_init(&detail, MAX_MEMORY);
	hook_markdown_add(&detail, text, 500);
	assert(str_find_char(buf_str(&detail), '<', 0) == STR_NONE);
	assert(str_find_char(buf_str(&detail), '\n', 0) == STR_NONE);
	assert(str_is_utf8(buf_str(&detail)));
	card->summary = text;
	card->detail = buf_str(&detail);
	check_answer(a, &answer);
	buf_done(&detail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size), filled;
	struct arena a;
	struct error err = {0}, ignored = {0};
	struct hook_request r;
	arena_init(&a, MAX_MEMORY);
	bool ok;
	if (hook_request_read(&a, text, &r, &err)) {
		const struct str templates[] = {S("P/{{context.patientId}}?x={{context.draftOrders.X.id}}"),
						r.instance};
		check_orders(&a, &r);
		for (size_t i = 0; i < 2; i++) {
			ok = hook_template_fill(&a, &r, 1795651200000, templates[i], &filled, &ignored);
			assert(ok || ignored.code);
		}
	} else {
		assert(err.code);
		check_texts(&a, text);
		ok = hook_template_check(hook_named(S("order-sign")), text, &ignored);
		assert(ok || ignored.code);
	}
	arena_done(&a);
	return 0;
}
