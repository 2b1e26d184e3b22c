/*
 * Keys, signed tokens and digests over OpenSSL: what SMART and OpenID Connect need of JOSE (RFC 7515 to 7519). Keys
 * come in with the algorithms that the caller allows; the key decides which of them it is for, so a token cannot choose
 * one that does not fit (RFC 8725 section 3.1). "none" and shared secrets are no algorithms here, and keys are never
 * taken from a token. Only this room includes OpenSSL headers. Any thread; keys and sets are read-only once made.
 */
#ifndef FIRTH_JOSE_JOSE_H
#define FIRTH_JOSE_JOSE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "json/json.h"

/* RFC 7518 section 3.1. */
enum jose_algorithm {
	JOSE_NONE,
	JOSE_RS256,
	JOSE_RS384,
	JOSE_RS512,
	JOSE_PS256,
	JOSE_PS384,
	JOSE_PS512,
	JOSE_ES256,
	JOSE_ES384,
	JOSE_ES512,
	JOSE_ALGORITHMS
};
const char *jose_algorithm_name(enum jose_algorithm algorithm);
/* By its name, case and all; JOSE_NONE for anything else. */
enum jose_algorithm jose_algorithm_find(struct str name);

/* Sets of algorithms. */
#define JOSE_BIT(algorithm) (1u << (algorithm))
/* SMART App Launch 2.2, "asymmetric client authentication". */
#define JOSE_SMART (JOSE_BIT(JOSE_RS384) | JOSE_BIT(JOSE_ES384))
/* Whatever an OpenID provider may sign with. */
#define JOSE_OPENID (JOSE_BIT(JOSE_ALGORITHMS) - 2)

struct jose_key; /* one key pair or public key */
struct jose_key_set; /* public keys of a client or server */

/* A new pair: RSA of 2048 bits for RS256 and of 3072 for others, or of the algorithm's curve. kid is the RFC 7638
 * thumbprint. */
struct jose_key *jose_key_new(enum jose_algorithm algorithm, struct error *err) MUST_USE;
/* A private key from a JWK or a PEM file's content (PKCS#8, PKCS#1, SEC1). RSA below 2048 bits is ERR_KEY, and so is
 * one that the ROCA attack breaks. Without `_for` of the algorithms of JOSE_SMART. */
struct jose_key *jose_key_parse(struct str text, struct error *err) MUST_USE;
struct jose_key *jose_key_parse_for(struct str text, unsigned algorithms, struct error *err) MUST_USE;
void jose_key_free(struct jose_key *key);
/* The one that the key signs with: that of its alg member, else RS384 or that of its curve. */
enum jose_algorithm jose_key_algorithm(const struct jose_key *key);
struct str jose_key_id(const struct jose_key *key);
/* The private key as JWK, for a file with mode 0600. */
bool jose_key_write_private(const struct jose_key *key, struct buf *out, struct error *err) MUST_USE;
/* The public half as JWK. */
bool jose_key_write_public(const struct jose_key *key, struct buf *out, struct error *err) MUST_USE;
/* {"keys":[...]} with the public half. */
bool jose_key_write_public_set(const struct jose_key *key, struct buf *out, struct error *err) MUST_USE;

/* A JWKS document. Keys of other kinds, for other algorithms, and weak ones are skipped, private members are refused;
 * no usable key is ERR_KEY with the reason of the first that was skipped. Without `_for` of the algorithms of
 * JOSE_SMART. */
struct jose_key_set *jose_key_set_parse(const struct json *jwks, struct error *err) MUST_USE;
struct jose_key_set *jose_key_set_parse_for(const struct json *jwks, unsigned algorithms, struct error *err) MUST_USE;
/* Of those of JOSE_OPENID: the keys of id_tokens. */
struct jose_key_set *jose_key_set_parse_identity(const struct json *jwks, struct error *err) MUST_USE;
void jose_key_set_free(struct jose_key_set *set);
bool jose_key_set_has(const struct jose_key_set *set, struct str kid);

/* Signs JSON claims as a compact JWT with typ, alg and kid. */
bool jose_sign(const struct jose_key *key, struct str claims, struct buf *out, struct error *err) MUST_USE;

/* The same with jku, the URL of the key's set; STR_NULL: none. */
bool jose_sign_linked(const struct jose_key *key, struct str jku, struct str claims, struct buf *out,
		      struct error *err) MUST_USE;

/* The header and claims of a compact JWT without any check of the signature: for finding the client and key. */
struct jose_token {
	struct str algorithm, kid, jku, type;
	const struct json *claims;
};
bool jose_peek(struct arena *a, struct str token, struct jose_token *ret_token, struct error *err) MUST_USE;
/* The same after verifying the signature with the key of the set that kid names (without kid: each key of the right
 * kind). Claims such as exp and aud are the caller's to check. ERR_SIGNATURE, ERR_KEY, ERR_VALUE. */
bool jose_verify(struct arena *a, struct str token, const struct jose_key_set *set, struct jose_token *ret_token,
		 struct error *err) MUST_USE;
/* The same of a token that holds any bytes instead of claims. */
bool jose_verify_bytes(struct arena *a, struct str token, const struct jose_key_set *set, struct str *ret_bytes,
		       struct error *err) MUST_USE;
/* Is the signature that of the bytes, by a key of the set and this algorithm? As RFC 7518 section 3 has signatures: of
 * elliptic curves both numbers at full size, one after the other. */
bool jose_is_signed(const struct jose_key_set *set, enum jose_algorithm algorithm, struct str bytes,
		    struct str signature);

/* SHA-256 (FIPS 180-4). */
void digest_sha256(struct str bytes, unsigned char ret_digest[32]);
/* The same as text in the arena: 64 hexadecimal digits, or 43 characters of base64url. STR_NULL without memory. */
struct str digest_hex(struct arena *a, struct str bytes);
struct str digest_base64url(struct arena *a, struct str bytes);
/* The same of bytes that come piece by piece. */
struct digest;
struct digest *digest_new(void); /* NULL without memory */
void digest_add(struct digest *d, struct str bytes);
void digest_end(struct digest *d, unsigned char ret_digest[32]);
void digest_free(struct digest *d);
/* HMAC-SHA-256 (RFC 2104). */
void digest_hmac_sha256(struct str key, struct str bytes, unsigned char ret_mac[32]);
/* Equal without telling by time where they differ. */
bool digest_equal(const void *a, const void *b, size_t n);

#endif
