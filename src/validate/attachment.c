/*
 * Bytes in resources: Attachment with its size and hash (http://hl7.org/fhir/R4/datatypes.html#attachment), Binary, and
 * the base64 that carries them. Signature data is base64 like any other; verifying it needs keys and is not done here.
 */
#include "validate/validate_priv.h"

#include "base/sha1.h"

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* What became of a base64 text. */
struct content {
	struct str bytes; /* in the arena */
	size_t blanks; /* characters of white space, which are passed over */
	int bad; /* the first character that does not belong there, 0: none */
	bool broken; /* wrong length or padding */
};

static struct content decode(struct arena *a, struct str text)
{
	struct content c = {0};
	unsigned char *out = arena_alloc(a, text.n / 4 * 3 + 3);
	size_t digits = 0, padding = 0, n = 0;
	uint32_t bits = 0;
	for (size_t i = 0; out && i < text.n && !c.bad; i++) {
		int value = digit_value(text.p[i]);
		if (strchr(" \t\r\n", text.p[i]) && text.p[i]) {
			c.blanks++;
		} else if (text.p[i] == '=') {
			padding++;
		} else if (value < 0 || padding) {
			c.bad = (unsigned char)text.p[i];
		} else {
			bits = bits << 6 | (uint32_t)value;
			if (++digits % 4 > 0 && digits % 4 != 1)
				out[n++] = (unsigned char)(bits >> (digits % 4 == 2 ? 4 : 2));
			else if (digits % 4 == 0)
				out[n++] = (unsigned char)bits;
		}
	}
	c.broken = padding > 2 || (digits + padding) % 4 != 0 || digits % 4 == 1;
	c.bytes = out ? str_make((const char *)out, n) : STR_NULL;
	return c;
}

/* Says what is wrong with the base64 of a member; false when there is nothing to go on with. */
static bool check_base64(struct validation *v, const struct node *at, struct str name, struct content *ret_content)
{
	struct str text = json_get_str(at->value, name);
	struct node member = node_child(at, name, -1, json_get(at->value, name));
	if (!text.n)
		return false;
	*ret_content = decode(v->arena, text);
	if (!ret_content->bytes.p)
		return error_memory(v->err);
	if (ret_content->bad || ret_content->broken) {
		if (ret_content->bad > ' ' && ret_content->bad < 127)
			find_error(v, at, ERR_VALUE, "base64",
				   "The data is not valid base64: \"%c\" does not belong there", ret_content->bad);
		else
			find_error(v, at, ERR_VALUE, "base64", "The data is not valid base64: %s",
				   ret_content->bad ? "it holds other bytes" : "its length or padding is wrong");
		return false;
	}
	if (ret_content->blanks)
		find_warning(v, &member, ERR_VALUE, "base64", "Base64 should hold no white space");
	return true;
}

static void check_hash(struct validation *v, const struct node *at, struct str bytes)
{
	unsigned char digest[SHA1_SIZE];
	struct str hash = json_get_str(at->value, S("hash"));
	struct content stated = hash.n ? decode(v->arena, hash) : (struct content){0};
	if (!stated.bytes.p)
		return;
	if (stated.bytes.n != SHA1_SIZE) {
		find_error(v, at, ERR_VALUE, "attachment-hash",
			   "The hash is no SHA-1 in base64: it has %zu bytes, not %d", stated.bytes.n, SHA1_SIZE);
		return;
	}
	sha1(bytes, digest);
	if (memcmp(digest, stated.bytes.p, SHA1_SIZE) != 0)
		find_error(v, at, ERR_VALUE, "attachment-hash", "The hash is not that of the data");
}

void rule_attachment(struct validation *v, const struct node *at)
{
	struct content content;
	uint64_t size;
	bool has_data = json_get(at->value, S("data")), has_url = json_get(at->value, S("url"));
	struct str stated = json_number(json_get(at->value, S("size")));
	if (!has_data && !has_url && !json_get(at->value, S("contentType")) && !json_get(at->value, S("language")))
		find_warning(v, at, ERR_VALUE, "attachment",
			     "The attachment has neither data nor url, nor says what it is");
	bool hash_ok = check_base64(v, at, S("hash"), &content);
	if (!check_base64(v, at, S("data"), &content))
		return;
	if (str_to_u64(stated, &size) && size != content.bytes.n)
		find_error(v, at, ERR_VALUE, "attachment-size",
			   "The attachment states a size of %.*s, but its data has %zu bytes", STR_ARG(stated),
			   content.bytes.n);
	if (hash_ok)
		check_hash(v, at, content.bytes);
}

void rule_binary(struct validation *v, const struct node *at)
{
	struct content content;
	if (check_base64(v, at, S("data"), &content) && !content.bytes.n)
		find_warning(v, at, ERR_VALUE, "base64", "The data is empty");
}

void rule_signature(struct validation *v, const struct node *at)
{
	struct content content;
	if (check_base64(v, at, S("data"), &content) && !content.bytes.n)
		find_warning(v, at, ERR_VALUE, "base64", "The signature is empty");
}
