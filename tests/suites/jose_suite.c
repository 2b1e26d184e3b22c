/*
 * Runs Wycheproof's vectors (github.com/C2SP/wycheproof) of JOSE and of the signatures that it rests on: files of the
 * schemas json_web_crypto, json_web_key, ecdsa_verify, ecdsa_p1363_verify, rsassa_pkcs1_verify, rsassa_pss_verify,
 * mac_test and rsaes_pkcs1_decrypt. What is valid must be accepted where the algorithm is one of ours, and nothing else
 * may be: no shared secrets, no encryption, no weak keys, whatever the vector says of them. Files of other schemas, and
 * algorithms that JOSE does not have, are skipped and counted. Usage: jose_suite DIRECTORY|FILE... A line per failing
 * case, then "N passed, N failed".
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/encode.h"
#include "base/file.h"
#include "jose/jose.h"

struct suite {
	struct arena a;
	const char *path;
	size_t passed, failed, skipped;
};

static void judge(struct suite *s, const struct json *test, bool right)
{
	s->passed += right;
	s->failed += !right;
	if (!right)
		printf("FAILED %s %.*s: %.*s\n", s->path, STR_ARG(json_number(json_get(test, S("tcId")))),
		       STR_ARG(json_get_str(test, S("comment"))));
}

/* Verdicts: "acceptable" is either. */
static bool agrees(const struct json *test, bool accepted)
{
	struct str result = json_get_str(test, S("result"));
	return str_is(result, "acceptable") || accepted == str_is(result, "valid");
}

/* ---- values ---------------------------------------------------------------------------------------------------------
 */

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static struct str unhex(struct suite *s, struct str hex)
{
	char *out = arena_alloc(&s->a, hex.n / 2 + 1);
	for (size_t i = 0; i + 1 < hex.n; i += 2)
		out[i / 2] = (char)(digit(hex.p[i]) << 4 | digit(hex.p[i + 1]));
	return str_make(out, hex.n / 2);
}

static struct str base64url(struct suite *s, struct str bytes)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	encode_base64url(&text, bytes);
	struct str kept = arena_str(&s->a, buf_str(&text));
	buf_done(&text);
	return kept;
}

/* A number without the zeros that ASN.1 puts in front. */
static struct str number(struct suite *s, struct str hex)
{
	struct str bytes = unhex(s, hex);
	while (bytes.n > 1 && bytes.p[0] == 0)
		bytes = str_slice(bytes, 1, bytes.n);
	return base64url(s, bytes);
}

static struct jose_key_set *set_of(struct suite *s, struct str jwk)
{
	struct str text = arena_printf(&s->a, "{\"keys\":[%.*s]}", STR_ARG(jwk));
	const struct json *j = json_parse(&s->a, text, 0, NULL);
	return j ? jose_key_set_parse_for(j, JOSE_OPENID, NULL) : NULL;
}

/* ---- tokens ---------------------------------------------------------------------------------------------------------
 */

/* "public" or "private" holds one key or a set. */
static struct jose_key_set *token_keys(struct suite *s, const struct json *group, unsigned algorithms)
{
	const struct json *from = json_get(group, S("public"));
	struct buf text;
	if (!from)
		from = json_get(group, S("private"));
	if (json_get(from, S("keys")))
		return jose_key_set_parse_for(from, algorithms, NULL);
	buf_init(&text, 1 << 20);
	buf_add(&text, S("{\"keys\":["));
	struct json_writer w = json_writer(&text);
	json_put_value(&w, from);
	buf_add(&text, S("]}"));
	const struct json *set = json_parse(&s->a, arena_str(&s->a, buf_str(&text)), 0, NULL);
	buf_done(&text);
	return set ? jose_key_set_parse_for(set, algorithms, NULL) : NULL;
}

/* What the header says the token is signed with; JOSE_NONE when that is none of ours. */
static enum jose_algorithm signed_with(struct suite *s, struct str token)
{
	struct buf text;
	struct str rest = token;
	buf_init(&text, 1 << 16);
	bool ok = decode_base64url(&text, str_split(&rest, '.'));
	const struct json *header = ok ? json_parse(&s->a, arena_str(&s->a, buf_str(&text)), 0, NULL) : NULL;
	buf_done(&text);
	return jose_algorithm_find(json_get_str(header, S("alg")));
}

static void run_tokens(struct suite *s, const struct json *group)
{
	struct jose_key_set *all = token_keys(s, group, JOSE_OPENID), *smart = token_keys(s, group, JOSE_SMART);
	for (struct json_iter t = json_iter(json_get(group, S("tests"))); json_next(&t);) {
		struct str token = json_get_str(t.value, S("jws")), bytes;
		bool encrypted = !token.p;
		if (encrypted)
			token = json_get_str(t.value, S("jwe"));
		enum jose_algorithm algorithm = signed_with(s, token);
		bool ours = !encrypted && algorithm && str_is(json_get_str(t.value, S("result")), "valid");
		bool accepted = all && jose_verify_bytes(&s->a, token, all, &bytes, NULL);
		bool by_smart = smart && jose_verify_bytes(&s->a, token, smart, &bytes, NULL);
		judge(s, t.value, accepted == ours && by_smart == (ours && (JOSE_SMART & JOSE_BIT(algorithm)) != 0));
	}
	jose_key_set_free(all);
	jose_key_set_free(smart);
}

/* ---- signatures
 * ------------------------------------------------------------------------------------------------------ */

static enum jose_algorithm algorithm_of(const char *family, struct str sha)
{
	struct str rest = sha;
	char name[16];
	if (!str_starts(sha, S("SHA-")) || sha.n != 7)
		return JOSE_NONE;
	rest = str_slice(sha, 4, sha.n);
	snprintf(name, sizeof(name), "%s%.*s", family, STR_ARG(rest));
	return jose_algorithm_find(str_from(name));
}

static struct str rsa_jwk(struct suite *s, const struct json *group)
{
	const struct json *key = json_get(group, S("publicKey"));
	return arena_printf(&s->a, "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%.*s\"}",
			    STR_ARG(number(s, json_get_str(key, S("modulus")))),
			    STR_ARG(number(s, json_get_str(key, S("publicExponent")))));
}

static void run_rsa(struct suite *s, const struct json *group, bool pss)
{
	enum jose_algorithm algorithm = algorithm_of(pss ? "PS" : "RS", json_get_str(group, S("sha")));
	struct str sha = json_get_str(group, S("sha"));
	size_t count = json_size(json_get(group, S("tests")));
	int64_t salt = 0, bits = 0;
	(void)!str_to_i64(json_number(json_get(group, S("sLen"))), &salt);
	(void)!str_to_i64(json_number(json_get(group, S("keySize"))), &bits);
	/* RFC 7518 section 3.5: one digest for all, and a salt of its size. */
	if (pss && algorithm &&
	    (!str_eq(json_get_str(group, S("mgfSha")), sha) || salt * 8 != (algorithm == JOSE_PS256   ? 256
									    : algorithm == JOSE_PS384 ? 384
												      : 512)))
		algorithm = JOSE_NONE;
	if (!algorithm) {
		s->skipped += count;
		return;
	}
	struct jose_key_set *set = set_of(s, rsa_jwk(s, group));
	for (struct json_iter t = json_iter(json_get(group, S("tests"))); json_next(&t);) {
		bool accepted = set && jose_is_signed(set, algorithm, unhex(s, json_get_str(t.value, S("msg"))),
						      unhex(s, json_get_str(t.value, S("sig"))));
		judge(s, t.value, bits < 2048 ? !set : set && agrees(t.value, accepted));
	}
	jose_key_set_free(set);
}

/* An integer of ASN.1 as it must be, into `size` bytes. */
static bool take_integer(struct str *der, size_t size, unsigned char *out)
{
	const unsigned char *p = (const unsigned char *)der->p;
	size_t n = der->n >= 2 ? p[1] : 0;
	if (der->n < 3 || p[0] != 2 || n == 0 || n > 0x7F || n + 2 > der->n || (p[2] & 0x80) ||
	    (n > 1 && p[2] == 0 && !(p[3] & 0x80)))
		return false;
	struct str value = str_slice(*der, 2, 2 + n);
	*der = str_slice(*der, 2 + n, der->n);
	if (value.p[0] == 0)
		value = str_slice(value, 1, value.n);
	if (value.n > size)
		return false;
	memset(out, 0, size);
	memcpy(out + size - value.n, value.p, value.n);
	return true;
}

/* ASN.1 is no form of JOSE's signatures: what is strictly so becomes the two numbers, anything else nothing. */
static bool numbers_of(struct str der, size_t size, unsigned char *out)
{
	const unsigned char *p = (const unsigned char *)der.p;
	size_t head = 2, n;
	if (der.n < 8 || p[0] != 0x30)
		return false;
	n = p[1];
	if (n == 0x81) {
		n = p[2];
		head = 3;
		if (n < 0x80)
			return false;
	} else if (n >= 0x80) {
		return false;
	}
	der = str_slice(der, head, der.n);
	return der.n == n && take_integer(&der, size, out) && take_integer(&der, size, out + size) && der.n == 0;
}

static void run_curve(struct suite *s, const struct json *group, bool asn1)
{
	static const struct {
		const char *name, *crv;
		enum jose_algorithm algorithm;
		size_t size;
	} curves[] = {{"secp256r1", "P-256", JOSE_ES256, 32},
		      {"secp384r1", "P-384", JOSE_ES384, 48},
		      {"secp521r1", "P-521", JOSE_ES512, 66}};
	const struct json *key = json_get(group, S("publicKey")), *tests = json_get(group, S("tests"));
	size_t i = 0;
	while (i < 3 && !str_is(json_get_str(key, S("curve")), curves[i].name))
		i++;
	enum jose_algorithm algorithm = algorithm_of("ES", json_get_str(group, S("sha")));
	if (i == 3 || curves[i].algorithm != algorithm) {
		s->skipped += json_size(tests);
		return;
	}
	size_t size = curves[i].size;
	struct str point = unhex(s, json_get_str(key, S("uncompressed")));
	struct str jwk = arena_printf(&s->a, "{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%.*s\",\"y\":\"%.*s\"}",
				      curves[i].crv, STR_ARG(base64url(s, str_slice(point, 1, 1 + size))),
				      STR_ARG(base64url(s, str_slice(point, 1 + size, 1 + 2 * size))));
	struct jose_key_set *set = set_of(s, jwk);
	for (struct json_iter t = json_iter(tests); json_next(&t);) {
		unsigned char both[132];
		struct str signature = unhex(s, json_get_str(t.value, S("sig")));
		bool formed = !asn1 || numbers_of(signature, size, both);
		if (asn1)
			signature = str_make((const char *)both, 2 * size);
		bool accepted = set && formed &&
				jose_is_signed(set, algorithm, unhex(s, json_get_str(t.value, S("msg"))), signature);
		judge(s, t.value, set && agrees(t.value, accepted));
	}
	jose_key_set_free(set);
}

static void run_mac(struct suite *s, const struct json *group, struct str algorithm)
{
	int64_t bits = 0;
	(void)!str_to_i64(json_number(json_get(group, S("tagSize"))), &bits);
	for (struct json_iter t = json_iter(json_get(group, S("tests"))); json_next(&t);) {
		unsigned char mac[32];
		struct str tag = unhex(s, json_get_str(t.value, S("tag")));
		if (!str_is(algorithm, "HMACSHA256")) {
			s->skipped++;
			continue;
		}
		digest_hmac_sha256(unhex(s, json_get_str(t.value, S("key"))), unhex(s, json_get_str(t.value, S("msg"))),
				   mac);
		judge(s, t.value,
		      agrees(t.value, (int64_t)tag.n * 8 == bits && tag.n <= 32 && digest_equal(mac, tag.p, tag.n)));
	}
}

/* Nothing is ever decrypted, so a key for that is none of ours, private or not. */
static void run_decryption(struct suite *s, const struct json *group)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	struct json_writer w = json_writer(&text);
	json_put_value(&w, json_get(group, S("privateKeyJwk")));
	struct jose_key_set *set = set_of(s, buf_str(&text));
	struct jose_key *key = jose_key_parse_for(buf_str(&text), JOSE_OPENID, NULL);
	for (struct json_iter t = json_iter(json_get(group, S("tests"))); json_next(&t);)
		judge(s, t.value, !set && !key);
	jose_key_set_free(set);
	jose_key_free(key);
	buf_done(&text);
}

/* ---- files
 * ----------------------------------------------------------------------------------------------------------- */

static void run_group(struct suite *s, struct str schema, struct str algorithm, const struct json *group)
{
	if (str_starts(schema, S("json_web_")))
		run_tokens(s, group);
	else if (str_starts(schema, S("ecdsa_p1363_verify")))
		run_curve(s, group, false);
	else if (str_starts(schema, S("ecdsa_verify")))
		run_curve(s, group, true);
	else if (str_starts(schema, S("rsassa_pkcs1_verify")))
		run_rsa(s, group, false);
	else if (str_starts(schema, S("rsassa_pss_verify")))
		run_rsa(s, group, true);
	else if (str_starts(schema, S("mac_test")))
		run_mac(s, group, algorithm);
	else if (str_starts(schema, S("rsaes_pkcs1_decrypt")))
		run_decryption(s, group);
	else
		s->skipped += json_size(json_get(group, S("tests")));
}

static void run_file(struct suite *s, const char *path)
{
	struct str text;
	struct error err = {0};
	s->path = path;
	arena_init(&s->a, (size_t)1 << 30);
	const struct json *suite =
		file_read(&s->a, str_from(path), 64 << 20, &text, &err) ? json_parse(&s->a, text, 0, &err) : NULL;
	if (!suite) {
		printf("FAILED %s: %s\n", path, err.text);
		s->failed++;
	}
	for (struct json_iter g = json_iter(json_get(suite, S("testGroups"))); json_next(&g);)
		run_group(s, json_get_str(suite, S("schema")), json_get_str(suite, S("algorithm")), g.value);
	arena_done(&s->a);
}

static bool run_directory(struct suite *s, const char *path)
{
	DIR *dir = opendir(path);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		char file[4096];
		if (!str_ends(str_from(e->d_name), S(".json")))
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		run_file(s, file);
	}
	if (dir)
		closedir(dir);
	return dir != NULL;
}

int main(int argc, char **argv)
{
	struct suite s = {0};
	if (argc < 2) {
		fprintf(stderr, "usage: jose_suite DIRECTORY|FILE...\n");
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		struct stat st;
		bool directory = stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode);
		if (directory ? !run_directory(&s, argv[i]) : (run_file(&s, argv[i]), false)) {
			fprintf(stderr, "%s cannot be read\n", argv[i]);
			return 2;
		}
	}
	if (s.skipped)
		printf("%zu skipped: not of JOSE\n", s.skipped);
	printf("%zu passed, %zu failed\n", s.passed, s.failed);
	return s.failed || !s.passed;
}
