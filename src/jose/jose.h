/*
 * Keys, signed tokens and digests over cjose and OpenSSL: what SMART backend services need of JOSE (RFC 7515 to 7519).
 * Algorithms are those of SMART App Launch 2.2, "asymmetric client authentication": RS384 and ES384; the key decides
 * the algorithm, so a token cannot choose one that does not fit. Of id_tokens of others RS256 and ES256 are verified
 * too, which OpenID providers use most (OpenID Connect Core section 15.1); nothing is signed with these. Only this room
 * includes cjose and OpenSSL headers. Any thread; a key set is read-only once made.
 */
#ifndef FIRTH_JOSE_JOSE_H
#define FIRTH_JOSE_JOSE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "json/json.h"

enum jose_algorithm { JOSE_NONE, JOSE_RS384, JOSE_ES384, JOSE_RS256, JOSE_ES256 };
const char *jose_algorithm_name(enum jose_algorithm algorithm);

struct jose_key; /* one key pair or public key */
struct jose_key_set; /* public keys of a client or server */

/* A new pair: RSA 3072 for RS384, P-384 for ES384. kid is the RFC 7638 thumbprint. */
struct jose_key *jose_key_new(enum jose_algorithm algorithm, struct error *err) MUST_USE;
/* A private key from a JWK or a PEM file's content (PKCS#8, PKCS#1, SEC1). RSA below 2048 bits is ERR_KEY. */
struct jose_key *jose_key_parse(struct str text, struct error *err) MUST_USE;
void jose_key_free(struct jose_key *key);
enum jose_algorithm jose_key_algorithm(const struct jose_key *key);
struct str jose_key_id(const struct jose_key *key);
/* The private key as JWK, for a file with mode 0600. */
bool jose_key_write_private(const struct jose_key *key, struct buf *out, struct error *err) MUST_USE;
/* The public half as JWK. */
bool jose_key_write_public(const struct jose_key *key, struct buf *out, struct error *err) MUST_USE;
/* {"keys":[...]} with the public half. */
bool jose_key_write_public_set(const struct jose_key *key, struct buf *out, struct error *err) MUST_USE;

/* A JWKS document. Keys of other kinds and weak ones are skipped, private members are refused; no usable key is
 * ERR_KEY with the reason of the first that was skipped. */
struct jose_key_set *jose_key_set_parse(const struct json *jwks, struct error *err) MUST_USE;
/* The same with keys for id_tokens: RSA for RS256 or RS384 (either, when a key does not say), P-256 and P-384. */
struct jose_key_set *jose_key_set_parse_identity(const struct json *jwks, struct error *err) MUST_USE;
void jose_key_set_free(struct jose_key_set *set);
bool jose_key_set_has(const struct jose_key_set *set, struct str kid);

/* Signs JSON claims as a compact JWT with typ, alg and kid. */
bool jose_sign(const struct jose_key *key, struct str claims, struct buf *out, struct error *err) MUST_USE;

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

/* SHA-256 (FIPS 180-4). */
void digest_sha256(struct str bytes, unsigned char ret_digest[32]);
/* HMAC-SHA-256 (RFC 2104). */
void digest_hmac_sha256(struct str key, struct str bytes, unsigned char ret_mac[32]);
/* Equal without telling by time where they differ. */
bool digest_equal(const void *a, const void *b, size_t n);

#endif
