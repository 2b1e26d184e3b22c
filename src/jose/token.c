/*
 * Compact tokens (RFC 7515 section 7.1, RFC 7519), taken apart once and strictly: two readers of different tolerance
 * could see two different tokens.
 */
#include "base/encode.h"
#include "jose/jose_priv.h"

/* ---- signing ---------------------------------------------------------------------------------------------------- */

static void put_header(struct buf *out, const struct jose_key *key, struct str jku)
{
	struct buf text;
	buf_init(&text, TOKEN_MAX);
	struct json_writer w = json_writer(&text);
	json_object_begin(&w);
	json_put_member(&w, S("alg"), str_from(jose_algorithm_name(jose_key_algorithm(key))));
	json_put_member(&w, S("kid"), jose_key_id(key));
	json_put_member(&w, S("jku"), jku);
	json_put_member(&w, S("typ"), S("JWT"));
	json_object_end(&w);
	if (buf_ok(&text))
		encode_base64url(out, buf_str(&text));
	else
		out->failed = true;
	buf_done(&text);
}

bool jose_sign(const struct jose_key *key, struct str claims, struct buf *out, struct error *err)
{
	return jose_sign_linked(key, STR_NULL, claims, out, err);
}

bool jose_sign_linked(const struct jose_key *key, struct str jku, struct str claims, struct buf *out, struct error *err)
{
	unsigned char signature[SIGNATURE_MAX];
	size_t start = out->n, size = 0;
	put_header(out, key, jku);
	buf_char(out, '.');
	encode_base64url(out, claims);
	bool ok = buf_ok(out) && signature_make(key, str_make(out->p + start, out->n - start), signature, &size);
	if (ok) {
		buf_char(out, '.');
		encode_base64url(out, str_make((const char *)signature, size));
	}
	return (ok && buf_ok(out)) || error_set(err, ERR_INTERNAL, "The token could not be signed");
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/* A part's bytes, in the arena. */
static bool decode_part(struct arena *a, struct str part, const char *name, struct str *ret_bytes, struct error *err)
{
	struct buf text;
	buf_init(&text, TOKEN_MAX);
	bool decoded = part.n > 0 && decode_base64url(&text, part);
	*ret_bytes = decoded ? arena_str(a, buf_str(&text)) : STR_NULL;
	buf_done(&text);
	if (!decoded)
		return error_set(err, ERR_VALUE, "The %s of the token is not base64url", name);
	return ret_bytes->p || error_memory(err);
}

static const struct json *read_part(struct arena *a, struct str bytes, const char *name, struct error *err)
{
	struct error why = {0};
	const struct json *j = json_parse(a, bytes, 8, &why);
	if (j && json_is(j, JSON_OBJECT))
		return j;
	error_set(err, why.code == ERR_MEMORY ? ERR_MEMORY : ERR_VALUE, "The %s of the token is not a JSON object",
		  name);
	return NULL;
}

/* A member that must be text when it is there. */
static bool read_text(const struct json *header, const char *name, struct str *ret_text, struct error *err)
{
	const struct json *j = json_get(header, str_from(name));
	*ret_text = json_str(j);
	return !j || ret_text->p || error_set(err, ERR_VALUE, "%s in the token's header is not a text", name);
}

static bool read_header(const struct json *header, struct jose_token *ret_token, struct error *err)
{
	/* RFC 7515 section 4.1.11: extensions that must be understood; we understand none. */
	if (json_get(header, S("crit")))
		return error_set(err, ERR_VALUE, "The token's header demands extensions (crit) that are not supported");
	if (json_get(header, S("b64")))
		return error_set(err, ERR_VALUE, "The token's header has b64, which is not supported");
	if (!read_text(header, "alg", &ret_token->algorithm, err) || !read_text(header, "kid", &ret_token->kid, err) ||
	    !read_text(header, "jku", &ret_token->jku, err) || !read_text(header, "typ", &ret_token->type, err))
		return false;
	return ret_token->algorithm.n || error_set(err, ERR_VALUE, "The token's header has no alg");
}

/* The three parts, and what the header says. */
struct parts {
	struct str content, signature; /* decoded */
	struct str signed_text; /* what the signature is over */
	struct jose_token token;
};

static bool take_apart(struct arena *a, struct str token, struct parts *p, struct error *err)
{
	struct str rest = token, header = str_split(&rest, '.'), content = STR_NULL, signature = STR_NULL;
	*p = (struct parts){0};
	if (token.n > TOKEN_MAX)
		return error_set(err, ERR_VALUE, "The token is longer than %d bytes", TOKEN_MAX);
	if (rest.p)
		content = str_split(&rest, '.');
	if (rest.p)
		signature = str_split(&rest, '.');
	if (!signature.p || rest.p)
		return error_set(err, ERR_VALUE, "The token does not have three parts");
	p->signed_text = str_slice(token, 0, token.n - signature.n - 1);
	if (!decode_part(a, header, "header", &header, err))
		return false;
	const struct json *head = read_part(a, header, "header", err);
	if (!head || !read_header(head, &p->token, err) || !decode_part(a, content, "content", &p->content, err))
		return false;
	/* One without a signature can be looked at, but never verifies. */
	return !signature.n || decode_part(a, signature, "signature", &p->signature, err);
}

bool jose_peek(struct arena *a, struct str token, struct jose_token *ret_token, struct error *err)
{
	struct parts p;
	if (!take_apart(a, token, &p, err))
		return false;
	p.token.claims = read_part(a, p.content, "content", err);
	if (!p.token.claims)
		return false;
	*ret_token = p.token;
	return true;
}

/* ---- verifying -------------------------------------------------------------------------------------------------- */

static unsigned algorithms_of(const struct jose_key_set *set)
{
	unsigned algorithms = 0;
	for (size_t i = 0; i < set->count; i++)
		algorithms |= set->keys[i].algorithms;
	return algorithms;
}

static bool refuse_algorithm(const struct jose_key_set *set, struct str algorithm, struct error *err)
{
	bool smart = !(algorithms_of(set) & ~JOSE_SMART);
	return error_set(err, ERR_SIGNATURE, "The token is signed with %.*s; %s is needed",
			 STR_ARG(str_slice(algorithm, 0, 20)), smart ? "RS384 or ES384" : "one that the keys are for");
}

static bool check(const struct parts *p, const struct jose_key_set *set, struct error *err)
{
	enum jose_algorithm algorithm = jose_algorithm_find(p->token.algorithm);
	bool known = false, fits = false;
	if (!algorithm || !((algorithms_of(set) | JOSE_SMART) & JOSE_BIT(algorithm)))
		return refuse_algorithm(set, p->token.algorithm, err);
	for (size_t i = 0; i < set->count; i++) {
		const struct jose_key *key = &set->keys[i];
		if (p->token.kid.p && !str_eq(p->token.kid, jose_key_id(key)))
			continue;
		known = true;
		/* The key decides: a token cannot choose an algorithm that its key is not for. */
		if (!(key->algorithms & JOSE_BIT(algorithm)))
			continue;
		fits = true;
		if (p->signature.n && signature_check(key, algorithm, p->signed_text, p->signature))
			return true;
	}
	if (!known)
		return error_set(err, ERR_KEY, "No key of the set has the kid that the token names");
	if (!fits)
		return error_set(err, ERR_SIGNATURE, "The key that the token names is not for its algorithm");
	return error_set(err, ERR_SIGNATURE, "The signature of the token does not match its content and key");
}

bool jose_verify(struct arena *a, struct str token, const struct jose_key_set *set, struct jose_token *ret_token,
		 struct error *err)
{
	struct parts p;
	if (!take_apart(a, token, &p, err))
		return false;
	p.token.claims = read_part(a, p.content, "content", err);
	if (!p.token.claims || !check(&p, set, err))
		return false;
	*ret_token = p.token;
	return true;
}

bool jose_verify_bytes(struct arena *a, struct str token, const struct jose_key_set *set, struct str *ret_bytes,
		       struct error *err)
{
	struct parts p;
	if (!take_apart(a, token, &p, err) || !check(&p, set, err))
		return false;
	*ret_bytes = p.content;
	return true;
}

bool jose_is_signed(const struct jose_key_set *set, enum jose_algorithm algorithm, struct str bytes,
		    struct str signature)
{
	for (size_t i = 0; i < set->count; i++)
		if (signature_check(&set->keys[i], algorithm, bytes, signature))
			return true;
	return false;
}
