/*
 * firth search EHR 'TYPE?query': planned by the vendor's rules, then every page streamed as NDJSON or one Bundle, in
 * memory that does not grow with the number of matches.
 */
#include <inttypes.h>
#include <stdio.h>

#include "app/ehr.h"
#include "app/login.h"
#include "ehr/plan.h"

enum { PAGE_MEMORY = 1 << 30, OUT_MAX = 1 << 30 };

struct searching {
	struct login_command c;
	struct app *app;
	bool bundle, normal, explain, unchecked, withdrawn, quiet;
	int64_t max, page;
	struct ehr_plan plan;
	struct normaliser *normaliser;
	struct ehr_sieve *sieve;
	struct arena arena; /* one page */
	struct buf out;
	uint64_t written, filtered, withdrawn_count;
	bool full; /* --max is reached */
};

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

/* A site may have opened what the vendor does not offer: its own statement is asked before anything is refused. */
static bool site_offers(struct searching *s, struct str type)
{
	struct ehr_failure failure = {0};
	const struct json *statement;
	const struct ehr_type *vendors = ehr_type_find(s->c.ehr->vendor, type);
	bool unknown = !vendors || !strchr(vendors->interactions, 's');
	return unknown && ehr_capabilities(s->c.client, &s->app->arena, &statement, &failure) &&
	       ehr_states(statement, type, "search-type");
}

static bool make_plan(struct searching *s, struct error *err)
{
	struct str query = s->app->args[1], type = str_split(&query, '?');
	struct ehr_plan_options options = {.vendor = s->c.ehr->vendor,
					   .type = definitions_resource(definitions_builtin(), type),
					   .query = query.p ? query : S(""),
					   .page = s->page,
					   .unchecked = s->unchecked};
	if (!options.type)
		return error_set(err, ERR_USAGE, "'%.*s' is no resource type of R4: say 'Type?query'",
				 STR_ARG(str_slice(type, 0, 40)));
	if (!ehr_plan_make(&options, &s->app->arena, &s->plan, err))
		return false;
	if (!s->plan.refused.p || !site_offers(s, s->plan.type))
		return true;
	options.vendor = EHR_GENERIC; /* nothing is known of it but that it is there */
	if (!ehr_plan_make(&options, &s->app->arena, &s->plan, err))
		return false;
	s->plan.notes[s->plan.note_count++] =
		S("the vendor does not offer this type, but the site's capability statement does");
	return true;
}

static int print_plan_json(struct searching *s)
{
	const struct ehr_plan *p = &s->plan;
	struct buf out;
	buf_init(&out, 8 << 20);
	struct json_writer w = json_writer(&out);
	json_object_begin(&w);
	json_put_member(&w, S("ehr"), s->c.ehr->name);
	json_put_member(&w, S("vendor"), str_from(ehr_vendor_name(s->c.ehr->vendor)));
	json_put_member(&w, S("type"), p->type);
	json_key(&w, S("requests"));
	json_array_begin(&w);
	for (size_t i = 0; i < p->count; i++)
		json_put_str(&w, arena_printf(&s->app->arena, "GET %.*s/%.*s%s%.*s", STR_ARG(s->c.ehr->base_url),
					      STR_ARG(p->type), p->queries[i].n ? "?" : "", STR_ARG(p->queries[i])));
	json_array_end(&w);
	json_put_member(&w, S("appliedHere"), p->filter);
	json_put_member(&w, S("refused"), p->refused);
	json_key(&w, S("notes"));
	json_array_begin(&w);
	for (size_t i = 0; i < p->note_count; i++)
		json_put_str(&w, p->notes[i]);
	json_array_end(&w);
	json_object_end(&w);
	buf_char(&out, '\n');
	bool ok = buf_ok(&out) && app_write(s->app, buf_str(&out));
	buf_done(&out);
	return ok && !p->refused.p ? APP_OK : APP_FAILED;
}

static int print_plan(struct searching *s)
{
	const struct app *app = s->app;
	const struct ehr_plan *p = &s->plan;
	if (app->json)
		return print_plan_json(s);
	for (size_t i = 0; i < p->count; i++)
		printf("GET %.*s/%.*s%s%.*s\n", STR_ARG(s->c.ehr->base_url), STR_ARG(p->type),
		       p->queries[i].n ? "?" : "", STR_ARG(p->queries[i]));
	if (p->count)
		printf("  Accept: application/fhir+json, every page by its next link\n");
	if (p->filter.p)
		printf("%sapplied here%s  %.*s\n", app_style(app, STYLE_BOLD), app_style(app, STYLE_PLAIN),
		       STR_ARG(p->filter));
	for (size_t i = 0; i < p->note_count; i++)
		printf("%snote%s  %.*s\n", app_style(app, STYLE_DIM), app_style(app, STYLE_PLAIN),
		       STR_ARG(p->notes[i]));
	if (p->refused.p)
		printf("%snothing is sent%s  %.*s\n", app_style(app, STYLE_BAD), app_style(app, STYLE_PLAIN),
		       STR_ARG(p->refused));
	return p->refused.p ? APP_FAILED : APP_OK;
}

/* ---- resources --------------------------------------------------------------------------------------------------- */

static bool passes(struct searching *s, const struct json *resource, bool *ret_passes, struct error *err)
{
	*ret_passes = true;
	if (s->sieve && !ehr_sieve_holds(s->sieve, &s->arena, resource, ret_passes, err))
		return false;
	s->filtered += !*ret_passes;
	return true;
}

static bool add_body(struct searching *s, const struct ehr_resource *r, struct error *err)
{
	const struct normal_options options = {.vendor = ehr_normal_vendor(s->c.ehr->vendor),
					       .base_url = s->c.ehr->base_url};
	size_t from = s->out.n;
	enum normal_fate fate = NORMAL_KEPT;
	if (s->bundle)
		buf_printf(&s->out, "%s\n{\"fullUrl\":\"%.*s/%.*s/%.*s\",\"resource\":", s->written ? "," : "",
			   STR_ARG(s->c.ehr->base_url), STR_ARG(r->type), STR_ARG(r->id));
	if (!s->normal)
		buf_add(&s->out, r->body);
	else if (!normalise(s->normaliser, r->resource, &options, &s->out, NULL, &fate, err))
		return false;
	if (fate == NORMAL_DROPPED) {
		s->out.n = from;
		return true;
	}
	bool match = str_eq(r->type, s->plan.type);
	if (s->bundle)
		buf_printf(&s->out, ",\"search\":{\"mode\":\"%s\"}}", match ? "match" : "include");
	else
		buf_char(&s->out, '\n');
	s->written++;
	return buf_ok(&s->out) || error_memory(err);
}

static bool take(struct searching *s, const struct ehr_resource *items, size_t count, bool sieve, struct error *err)
{
	for (size_t i = 0; i < count && !s->full; i++) {
		bool good = true;
		if ((sieve && !passes(s, items[i].resource, &good, err)) || (good && !add_body(s, &items[i], err)))
			return false;
		s->full = s->max && s->written >= (uint64_t)s->max;
	}
	return true;
}

static bool flush(struct searching *s, struct error *err)
{
	bool ok = !s->out.n || app_write(s->app, buf_str(&s->out));
	buf_reset(&s->out);
	return ok || error_set(err, ERR_IO, "the answer could not be written");
}

static bool take_page(struct searching *s, const struct ehr_page *page, struct error *err)
{
	s->withdrawn_count += page->withdrawn_count;
	return take(s, page->items, page->count, true, err) &&
	       (!s->withdrawn || take(s, page->withdrawn, page->withdrawn_count, true, err)) &&
	       take(s, page->included, page->included_count, false, err) && flush(s, err);
}

/* ---- the search -------------------------------------------------------------------------------------------------- */

static bool prepare(struct searching *s, struct error *err)
{
	const struct definitions *d = definitions_builtin();
	if (s->normal && !(s->normaliser = normaliser_new(d, err)))
		return false;
	if (!s->plan.filter.p)
		return true;
	s->sieve = ehr_sieve_new(d, definitions_resource(d, s->plan.type), s->plan.filter, s->c.ehr->base_url, err);
	return s->sieve != NULL;
}

static void tell(const struct searching *s, const struct ehr_tally *t)
{
	if (s->quiet)
		return;
	fprintf(stderr, "%" PRIu64 " found on %zu %s", s->written, t->pages, t->pages == 1 ? "page" : "pages");
	if (s->filtered)
		fprintf(stderr, "; %" PRIu64 " more did not meet what is applied here", s->filtered);
	if (s->withdrawn_count)
		fprintf(stderr, "; %" PRIu64 " were entered in error%s", s->withdrawn_count,
			s->withdrawn ? "" : " and are left out");
	if (t->newer)
		fprintf(stderr, "; %zu came again in a newer version: the later line holds", t->newer);
	if (t->skipped)
		fprintf(stderr, "; %zu entries were no %.*s and are left out", t->skipped, STR_ARG(s->plan.type));
	if (t->restarts)
		fprintf(stderr, "; the search ran out there and was begun again");
	fprintf(stderr, "%s\n", s->full ? "; stopped there (--max)" : "");
	if (t->warning.p)
		fprintf(stderr, "warning: %.*s\n", STR_ARG(t->warning));
}

static bool stream(struct searching *s, struct ehr_pages *pages, struct error *err)
{
	struct ehr_failure failure = {0};
	bool more = true;
	while (more && !s->full) {
		struct ehr_page page;
		arena_reset(&s->arena);
		if (!ehr_pages_next(pages, &s->arena, &page, &more, &failure)) {
			ehr_tell_request(&failure);
			*err = failure.error;
			return false;
		}
		if (more && !take_page(s, &page, err))
			return false;
	}
	return true;
}

static bool run(struct searching *s, struct error *err)
{
	const struct ehr_pages_options options = {
		.type = s->plan.type, .queries = s->plan.queries, .query_count = s->plan.count, .included = true};
	struct ehr_pages *pages = prepare(s, err) ? ehr_pages_open(s->c.client, &options, err) : NULL;
	if (!pages)
		return false;
	for (size_t i = 0; i < s->plan.note_count && !s->quiet; i++)
		fprintf(stderr, "note: %.*s\n", STR_ARG(s->plan.notes[i]));
	if (s->bundle)
		buf_add(&s->out, S("{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":["));
	bool ok = stream(s, pages, err);
	if (ok && s->bundle) {
		buf_add(&s->out, S("\n]}\n"));
		ok = flush(s, err);
	}
	if (ok)
		tell(s, ehr_pages_tally(pages));
	ehr_pages_close(pages);
	return ok;
}

static int work(struct searching *s)
{
	struct error err = {0};
	if (!make_plan(s, &err))
		return app_fail(s->app, &err);
	if (s->explain)
		return print_plan(s);
	if (s->plan.refused.p) {
		error_set(&err, ERR_NOT_SUPPORTED, "%.*s. Nothing was sent; --unchecked sends it as it is",
			  STR_ARG(s->plan.refused));
		return app_fail(s->app, &err);
	}
	if (s->unchecked && !s->quiet)
		fprintf(stderr, "note: sent as it is, whatever the vendor is known to want\n");
	arena_init(&s->arena, PAGE_MEMORY);
	buf_init(&s->out, OUT_MAX);
	int status = run(s, &err) ? APP_OK : app_fail(s->app, &err);
	buf_done(&s->out);
	arena_done(&s->arena);
	ehr_sieve_free(s->sieve);
	normaliser_free(s->normaliser);
	return status;
}

int command_search(struct app *app)
{
	struct searching s = {.app = app};
	const struct option options[] = {
		{"explain", OPTION_FLAG, NULL, "say what would be sent and why, and send nothing", &s.explain, NULL},
		{"bundle", OPTION_FLAG, NULL, "one Bundle instead of a resource a line", &s.bundle, NULL},
		{"max", OPTION_NUMBER, "N", "stop after so many resources", &s.max, NULL},
		{"page", OPTION_NUMBER, "N", "ask for so many on a page (default: the most that the vendor gives)",
		 &s.page, NULL},
		{"normalise", OPTION_FLAG, NULL, "in the one form that firth normalise gives", &s.normal, NULL},
		{"withdrawn", OPTION_FLAG, NULL, "those entered in error, too", &s.withdrawn, NULL},
		{"unchecked", OPTION_FLAG, NULL, "send it as it is, without looking at the vendor's rules",
		 &s.unchecked, NULL},
		{"quiet", OPTION_FLAG, NULL, "no notes and no sum on standard error", &s.quiet, NULL},
	};
	const char *details =
		"EHR is a name that firth ehr list knows, or the FHIR base URL of an open server. All pages are read; "
		"each\nresource is one line of JSON. What a vendor would refuse is told before anything is sent; "
		"what it would ignore\nis applied here. The sum and what the EHR warns of are on standard error.";
	if (!login_command_begin(&s.c, app, options, sizeof(options) / sizeof(options[0]), 2, "EHR TYPE?QUERY",
				 details))
		return app->status;
	int status = work(&s);
	login_command_end(&s.c);
	return status;
}
