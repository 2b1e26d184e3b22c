/*
 * Any JSON as an answer, a discovery document and feedback: all judges end, with places that are there. Any text as
 * Markdown: it ends, in HTML whose only tags are those that markdown.h names.
 */
#include <assert.h>

#include "fuzz.h"
#include "hooks/answer.h"
#include "hooks/markdown.h"

enum { MAX_MEMORY = 64 << 20 };

static void judge_all(struct arena *a, struct str text)
{
	struct error err = {0};
	struct judgement *j = ARENA_NEW(a, struct judgement);
	const struct json *body = json_parse(a, text, 0, &err);
	if (!j || !body)
		return;
	*j = (struct judgement){.a = a, .epic = text.n & 1};
	judge_answer_body(j, body);
	judge_discovery_body(j, body);
	judge_feedback(j, body);
	assert(j->count <= JUDGE_FINDINGS_MAX);
	for (size_t i = 0; i < j->count; i++)
		assert(j->findings[i].where.p && j->findings[i].what.n);
}

static bool is_known_tag(struct str tag)
{
	static const char words[] =
		"h4 h5 h6 p ul ol li blockquote pre code em strong del a br hr table thead tbody tr th "
		"td div";
	struct str name = str_starts(tag, S("/")) ? str_slice(tag, 1, tag.n) : tag;
	return str_has_word(str_from(words), str_split(&name, ' '));
}

static void check_tags(struct str html)
{
	for (size_t i = 0; i < html.n; i++) {
		if (html.p[i] != '<')
			continue;
		size_t end = str_find_char(html, '>', i);
		assert(end != STR_NONE);
		assert(is_known_tag(str_slice(html, i + 1, end)));
		assert(str_find(str_slice(html, i, end), S("javascript:")) == STR_NONE);
		i = end;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct arena a;
	struct buf out;
	arena_init(&a, MAX_MEMORY);
	buf_init(&out, MAX_MEMORY);
	judge_all(&a, text);
	markdown_html(&out, text);
	check_tags(buf_str(&out));
	buf_reset(&out);
	markdown_terminal(&out, text, &(struct markdown_terminal){.width = 40, .indent = 2});
	buf_done(&out);
	arena_done(&a);
	return 0;
}
