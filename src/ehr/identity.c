/*
 * Who we are to an EHR: keys and secrets from files that only their owner may read, and what proves us at the token
 * endpoint (SMART App Launch 2.2, "Client Authentication"; RFC 6749 section 2.3.1; RFC 7523). Both vendors are stricter
 * than the specification about an assertion's times: it is dated 30 seconds back and lives 4.5 minutes in all.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/random.h"
#include "ehr/ehr_priv.h"

enum { SECRET_FILE_MAX = 64 << 10, TLS_FILE_MAX = 4 << 20, ASSERTION_BACK_S = 30, ASSERTION_AHEAD_S = 240 };

static bool read_open_file(const struct ehr_client *c, int fd, const char *what, struct buf *out, struct error *err)
{
	struct str name = c->config.name;
	struct stat st;
	if (fstat(fd, &st) != 0)
		return error_set(err, ERR_IO, "The %s of EHR %.*s cannot be read: %s", what, STR_ARG(name),
				 strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERR_KEY, "The %s of EHR %.*s is no regular file", what, STR_ARG(name));
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return error_set(err, ERR_KEY,
				 "The %s of EHR %.*s can be read or changed by others; run chmod 600 on it", what,
				 STR_ARG(name));
	char *room = buf_reserve(out, SECRET_FILE_MAX);
	if (!room)
		return error_memory(err);
	ssize_t n = read(fd, room, SECRET_FILE_MAX);
	if (n < 0)
		return error_set(err, ERR_IO, "The %s of EHR %.*s cannot be read: %s", what, STR_ARG(name),
				 strerror(errno));
	out->n += (size_t)n;
	return true;
}

bool ehr_secret_read(const struct ehr_client *c, struct str path, const char *what, struct buf *out, struct error *err)
{
	int fd = open(path.p, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, ERR_IO, "The %s of EHR %.*s cannot be read: %s", what, STR_ARG(c->config.name),
				 strerror(errno));
	bool ok = read_open_file(c, fd, what, out, err);
	close(fd);
	return ok;
}

/* ---- TLS --------------------------------------------------------------------------------------------------------- */

struct http_tls ehr_tls(const struct ehr_config *config)
{
	return (struct http_tls){config->ca_file, config->cert_file, config->cert_key_file};
}

/* PEM (RFC 7468) with such a label. */
static bool check_pem(const struct ehr_client *c, struct str path, const char *what, const char *label,
		      struct error *err)
{
	struct arena a;
	struct str text;
	if (!path.n)
		return true;
	arena_init(&a, 2 * TLS_FILE_MAX);
	bool ok = file_read(&a, path, TLS_FILE_MAX, &text, err);
	if (!ok)
		error_context(err, "the %s of EHR %.*s", what, STR_ARG(c->config.name));
	else if (str_find(text, str_from(label)) == STR_NONE)
		ok = error_set(err, ERR_KEY, "The %s of EHR %.*s holds no certificate (PEM)", what,
			       STR_ARG(c->config.name));
	arena_done(&a);
	return ok;
}

static bool check_tls_key(const struct ehr_client *c, struct error *err)
{
	struct buf text;
	buf_init(&text, 2 * SECRET_FILE_MAX);
	bool ok = ehr_secret_read(c, c->config.cert_key_file, "cert_key_file", &text, err);
	struct str key = buf_str(&text);
	if (ok && str_find(key, S("PRIVATE KEY-----")) == STR_NONE)
		ok = error_set(err, ERR_KEY, "The cert_key_file of EHR %.*s holds no private key (PEM)",
			       STR_ARG(c->config.name));
	else if (ok && str_find(key, S("ENCRYPTED")) != STR_NONE)
		ok = error_set(
			err, ERR_KEY,
			"The cert_key_file of EHR %.*s has a passphrase; take it off and keep the file to yourself "
			"(chmod 600)",
			STR_ARG(c->config.name));
	if (text.p)
		explicit_bzero(text.p, text.n);
	buf_done(&text);
	return ok;
}

bool ehr_tls_check(const struct ehr_client *c, struct error *err)
{
	const struct ehr_config *config = &c->config;
	if ((config->cert_file.n > 0) != (config->cert_key_file.n > 0))
		return error_set(err, ERR_CONFIG, "EHR %.*s has one of cert_file and cert_key_file; it takes both",
				 STR_ARG(config->name));
	return check_pem(c, config->ca_file, "ca_file", "-----BEGIN CERTIFICATE-----", err) &&
	       check_pem(c, config->cert_file, "cert_file", "-----BEGIN CERTIFICATE-----", err) &&
	       (!config->cert_key_file.n || check_tls_key(c, err));
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

struct jose_key *ehr_key_read(const struct ehr_client *c, struct str path, struct error *err)
{
	struct jose_key *key = NULL;
	struct buf text;
	buf_init(&text, 2 * SECRET_FILE_MAX);
	if (ehr_secret_read(c, path, "key file", &text, err)) {
		key = jose_key_parse(buf_str(&text), err);
		if (!key)
			error_context(err, "The key file of EHR %.*s", STR_ARG(c->config.name));
	}
	if (text.p)
		explicit_bzero(text.p, text.n);
	buf_done(&text);
	return key;
}

static bool write_assertion(struct ehr_client *c, const struct jose_key *key, struct str client_id, struct buf *out,
			    struct error *err)
{
	char jti[UUID_SIZE];
	random_uuid(jti);
	int64_t now = c->options.now_ms() / 1000;
	struct buf claims;
	buf_init(&claims, 1 << 16);
	struct json_writer w = json_writer(&claims);
	json_object_begin(&w);
	json_put_member(&w, S("iss"), client_id);
	json_put_member(&w, S("sub"), client_id);
	json_put_member(&w, S("aud"), c->endpoints.token);
	json_put_member(&w, S("jti"), str_make(jti, UUID_SIZE));
	json_key(&w, S("iat"));
	json_put_i64(&w, now - ASSERTION_BACK_S);
	json_key(&w, S("exp"));
	json_put_i64(&w, now + ASSERTION_AHEAD_S);
	json_object_end(&w);
	bool ok = buf_ok(&claims) ? jose_sign(key, buf_str(&claims), out, err) : error_memory(err);
	buf_done(&claims);
	return ok;
}

bool ehr_add_assertion(struct ehr_client *c, const struct jose_key *key, struct str client_id, struct buf *form,
		       struct error *err)
{
	struct buf assertion;
	buf_init(&assertion, 1 << 16);
	bool ok = write_assertion(c, key, client_id, &assertion, err);
	buf_add(form, S("&client_assertion_type="));
	encode_percent(form, S("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
	buf_add(form, S("&client_assertion="));
	buf_add(form, buf_str(&assertion));
	if (ok && !buf_ok(&assertion))
		ok = error_memory(err);
	buf_done(&assertion);
	return ok;
}

/* ---- the app of people's logins ---------------------------------------------------------------------------------- */

struct str ehr_login_client_id(const struct ehr_client *c)
{
	return c->config.login_client_id.n ? c->config.login_client_id : c->config.client_id;
}

/* Without a login_client_id it is the app of backend services, with the same key. */
static struct str login_key_file(const struct ehr_client *c)
{
	if (c->config.login_key_file.n || c->config.login_client_id.n)
		return c->config.login_key_file;
	return c->config.login_secret.n || c->config.login_secret_file.n ? STR_NULL : c->config.key_file;
}

bool ehr_login_is_public(const struct ehr_client *c)
{
	return !login_key_file(c).n && !c->config.login_secret.n && !c->config.login_secret_file.n;
}

/* A secret that came from the environment, or from its file. */
static bool load_secret(struct ehr_client *c, struct str given, struct str file, struct buf *into, struct error *err)
{
	if (into->n)
		return true;
	if (given.n) {
		buf_add(into, given);
		return buf_ok(into) || error_memory(err);
	}
	struct buf text;
	buf_init(&text, 2 * SECRET_FILE_MAX);
	bool ok = ehr_secret_read(c, file, "secret file", &text, err);
	struct str secret = str_trim(buf_str(&text));
	if (ok && (!secret.n || secret.n > 1024))
		ok = error_set(err, ERR_KEY, "The secret file of EHR %.*s does not hold one secret",
			       STR_ARG(c->config.name));
	if (ok)
		buf_add(into, secret);
	if (text.p)
		explicit_bzero(text.p, text.n);
	buf_done(&text);
	return ok && (buf_ok(into) || error_memory(err));
}

/* RFC 6749 section 2.3.1: both are form-encoded first, then joined. */
static bool basic(struct arena *a, struct str id, struct str secret, struct str *ret_header, struct error *err)
{
	struct buf pair, header;
	buf_init(&pair, 1 << 14);
	buf_init(&header, 1 << 15);
	encode_percent(&pair, id);
	buf_char(&pair, ':');
	encode_percent(&pair, secret);
	buf_add(&header, S("Basic "));
	encode_base64(&header, buf_str(&pair));
	struct str text = arena_str(a, buf_str(&header));
	bool ok = buf_ok(&pair) && buf_ok(&header) && text.p;
	buf_done(&pair);
	buf_done(&header);
	if (!ok)
		return error_memory(err);
	*ret_header = text;
	return true;
}

/* In a header; in the form where the EHR takes it only there. */
static bool add_secret(struct ehr_client *c, struct arena *a, struct str id, struct str secret, struct buf *form,
		       struct str *ret_authorization, struct error *err)
{
	if (!c->endpoints.post_only)
		return basic(a, id, secret, ret_authorization, err);
	buf_add(form, S("&client_id="));
	encode_percent(form, id);
	buf_add(form, S("&client_secret="));
	encode_percent(form, secret);
	return buf_ok(form) || error_memory(err);
}

bool ehr_add_identity(struct ehr_client *c, struct arena *a, struct buf *form, struct str *ret_authorization,
		      struct error *err)
{
	struct str id = ehr_login_client_id(c), key_file = login_key_file(c);
	if (key_file.n) {
		if (!c->login_key)
			c->login_key = ehr_key_read(c, key_file, err);
		return c->login_key && ehr_add_assertion(c, c->login_key, id, form, err);
	}
	bool has_secret = !ehr_login_is_public(c);
	if (has_secret && !load_secret(c, c->config.login_secret, c->config.login_secret_file, &c->login_secret, err))
		return false;
	if (has_secret)
		return add_secret(c, a, id, buf_str(&c->login_secret), form, ret_authorization, err);
	buf_add(form, S("&client_id="));
	encode_percent(form, id);
	return buf_ok(form) || error_memory(err);
}

bool ehr_config_is_backend(const struct ehr_config *config)
{
	return config->key_file.n || config->key_text.n || config->secret_file.n || config->secret.n;
}

bool ehr_backend_open(struct ehr_client *c, struct error *err)
{
	if (c->config.token_url.n)
		c->endpoints.token = c->config.token_url;
	if (!c->config.client_id.n)
		return true;
	if (c->config.key_text.n) {
		c->key = jose_key_parse(c->config.key_text, err);
		return c->key != NULL;
	}
	if (c->config.key_file.n) {
		c->key = ehr_key_read(c, c->config.key_file, err);
		return c->key != NULL;
	}
	return !ehr_config_is_backend(&c->config) ||
	       load_secret(c, c->config.secret, c->config.secret_file, &c->secret, err);
}

bool ehr_is_backend(const struct ehr_client *c)
{
	return c->key || c->secret.n;
}

bool ehr_add_backend_identity(struct ehr_client *c, struct arena *a, struct buf *form, struct str *ret_authorization,
			      struct error *err)
{
	return c->key ? ehr_add_assertion(c, c->key, c->config.client_id, form, err)
		      : add_secret(c, a, c->config.client_id, buf_str(&c->secret), form, ret_authorization, err);
}
