/* Where the store is, and how that is shown: never with a password. */
#include "app/config.h"
#include "base/buf.h"

struct str config_store(const struct config *c)
{
	return c->db.n ? c->db : c->data;
}

bool config_is_database(struct str location)
{
	return str_starts(location, S("postgresql://")) || str_starts(location, S("postgres://"));
}

/* What stands on a command line is seen by everyone on the machine. */
bool config_url_has_password(struct str url)
{
	size_t start = str_find(url, S("://"));
	if (start == STR_NONE || !str_starts(url, S("postgres")))
		return false;
	struct str rest = str_slice(url, start + 3, url.n);
	struct str host = str_slice(rest, 0, str_find_char(rest, '/', 0));
	size_t at = str_rfind_char(host, '@');
	return str_find(url, S("password=")) != STR_NONE ||
	       (at != STR_NONE && str_find_char(str_slice(host, 0, at), ':', 0) != STR_NONE);
}

/* Of the parameters only those that are known to tell no secret. */
static bool add_shown(struct buf *b, struct str parameters)
{
	static const char *const open[] = {"host",
					   "hostaddr",
					   "port",
					   "dbname",
					   "user",
					   "sslmode",
					   "service",
					   "sslrootcert",
					   "target_session_attrs",
					   "application_name"};
	const char *between = "?";
	while (parameters.n) {
		struct str one = str_slice(parameters, 0, str_find_char(parameters, '&', 0));
		struct str key = str_slice(one, 0, str_find_char(one, '=', 0));
		parameters = str_slice(parameters, one.n + 1 < parameters.n ? one.n + 1 : parameters.n, parameters.n);
		for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
			if (!str_is(key, open[i]))
				continue;
			buf_add(b, str_from(between));
			buf_add(b, one);
			between = "&";
		}
	}
	return buf_ok(b);
}

struct str config_store_shown(const struct config *c, struct arena *a)
{
	struct str url = config_store(c), text = STR_NULL;
	if (!config_is_database(url))
		return url;
	struct buf b;
	size_t start = str_find(url, S("://")) + 3, question = str_find_char(url, '?', 0);
	struct str place = str_slice(url, start, question);
	size_t at = str_rfind_char(place, '@');
	buf_init(&b, 1 << 16);
	buf_add(&b, str_slice(url, 0, start));
	if (at != STR_NONE) {
		struct str user = str_slice(place, 0, at);
		buf_add(&b, str_slice(user, 0, str_find_char(user, ':', 0)));
		place = str_slice(place, at, place.n);
	}
	buf_add(&b, place);
	if (add_shown(&b, question == STR_NONE ? STR_NULL : str_slice(url, question + 1, url.n)))
		text = arena_str(a, buf_str(&b));
	buf_done(&b);
	return text.p ? text : S("a database");
}
