/* The command's side of the operator's door. See operator.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/operator.h"
#include "base/file.h"
#include "base/origin.h"
#include "http/client.h"

enum { CALL_MS = 60000 };

/* A file that somebody else could have put there would lead secrets astray. */
static bool file_is_ours(const char *path, struct error *err)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return error_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "cannot look at %s: %s", path,
				 strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077) || (st.st_uid != geteuid() && geteuid() != 0))
		return error_set(err, ERR_CONFIG, "%s can be read or written by others, so it is not trusted", path);
	return true;
}

/* "http://host:8080/operator", which the server that listens at this machine's address wrote. */
static bool is_door(struct str url)
{
	struct str origin = url_origin(url);
	return str_starts(origin, S("http://")) && str_is(str_slice(url, origin.n, url.n), "/operator");
}

/* The error that the server told, as if it had happened here. */
static bool told_error(const struct json *answer, int status, struct error *err)
{
	const struct json *error = json_get(answer, S("error"));
	struct str code = json_get_str(error, S("code")), text = json_get_str(error, S("text"));
	for (int i = ERR_NONE + 1; code.n && i < ERR_COUNT; i++)
		if (str_is(code, error_name((enum error_code)i)))
			return error_set(err, (enum error_code)i, "%.*s", STR_ARG(text));
	return error_set(err, ERR_REMOTE, "the server that holds the store answered %d to the operator's command",
			 status);
}

static bool call(struct arena *a, struct str url, struct str secret, struct str command, const struct json **ret_answer,
		 struct error *err)
{
	struct http_client *client = http_client_new(&(struct http_client_options){.timeout_ms = CALL_MS}, err);
	const struct http_header headers[] = {{S("Authorization"), arena_printf(a, "Bearer %.*s", STR_ARG(secret))},
					      {S("Content-Type"), S("application/json")}};
	struct http_answer answer;
	if (!client)
		return false;
	bool ok = http_call(
		client, a,
		&(struct http_call){
			.method = S("POST"), .url = url, .headers = headers, .header_count = 2, .body = command},
		&answer, err);
	http_client_free(client);
	if (!ok)
		return error_context(err, "the store is open in another process, which cannot be asked");
	struct error unreadable = {0};
	const struct json *told = json_parse(a, answer.body, 0, &unreadable);
	if (answer.status != 200 || !told)
		return told_error(told, answer.status, err);
	*ret_answer = told;
	return true;
}

bool operator_call(struct arena *a, const struct config *config, struct str command, bool *ret_asked,
		   const struct json **ret_answer, struct error *err)
{
	struct str path = arena_printf(a, "%.*s/operator.json", STR_ARG(config->data)), text;
	if (!path.p)
		return error_memory(err);
	*ret_asked = access(path.p, F_OK) == 0;
	if (!file_is_ours(path.p, err) || !file_read(a, path, 64 * 1024, &text, err))
		return false;
	const struct json *file = json_parse(a, text, 0, err);
	struct str url = json_get_str(file, S("url")), secret = json_get_str(file, S("secret"));
	if (!file)
		return error_context(err, "%s", path.p);
	if (!is_door(url) || !secret.n)
		return error_set(err, ERR_CONFIG, "%s has no URL of this machine's server, or no secret", path.p);
	return call(a, url, secret, command, ret_answer, err);
}
