/* Inflating, and the headers of tar; see tar.h. */
#include "package/tar.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/buf.h"

enum { BLOCK = 512, MAX_EXTENDED = 64 * 1024 };

struct tar {
	z_stream zip;
	struct tar_limits limits;
	size_t entries, total; /* files and unpacked bytes so far */
	bool zip_ended, ended;
	struct buf content;
	char name[TAR_MAX_NAME + 1];
	size_t name_n;
	bool long_name; /* name was set by a header in front of the file's own */
	bool long_size;
	size_t size;
};

/* ---- gzip ------------------------------------------------------------------------------------------------------- */

struct tar *tar_open(struct str gzip, const struct tar_limits *limits, struct error *err)
{
	if (gzip.n < 18 || (unsigned char)gzip.p[0] != 0x1f || (unsigned char)gzip.p[1] != 0x8b) {
		error_set(err, ERR_VALUE, "this is no gzip archive");
		return NULL;
	}
	struct tar *t = calloc(1, sizeof(*t));
	if (!t || inflateInit2(&t->zip, MAX_WBITS + 16) != Z_OK) {
		free(t);
		error_memory(err);
		return NULL;
	}
	static const struct tar_limits defaults = {100000, 256u << 20, 2048u << 20};
	t->limits = limits ? *limits : defaults;
	if (!t->limits.max_entries)
		t->limits.max_entries = defaults.max_entries;
	if (!t->limits.max_entry)
		t->limits.max_entry = defaults.max_entry;
	if (!t->limits.max_total)
		t->limits.max_total = defaults.max_total;
	buf_init(&t->content, t->limits.max_entry + 1);
	t->zip.next_in = (unsigned char *)(uintptr_t)gzip.p;
	t->zip.avail_in = gzip.n <= UINT32_MAX ? (unsigned)gzip.n : UINT32_MAX;
	return t;
}

void tar_close(struct tar *t)
{
	if (!t)
		return;
	inflateEnd(&t->zip);
	buf_done(&t->content);
	free(t);
}

/* A gzip file may be several, one behind the other (RFC 1952, 2.2); bytes behind the last that are none are ignored. */
static bool next_member(struct tar *t)
{
	const unsigned char *in = t->zip.next_in;
	return t->zip.avail_in >= 18 && in[0] == 0x1f && in[1] == 0x8b && inflateReset(&t->zip) == Z_OK;
}

/* Exactly n bytes; fewer (*ret_got) only at the end. */
static bool inflate_some(struct tar *t, char *to, size_t n, size_t *ret_got, struct error *err)
{
	*ret_got = 0;
	if (n > t->limits.max_total - t->total)
		return error_set(err, ERR_TOO_LARGE, "the archive unpacks to more than %zu bytes", t->limits.max_total);
	t->zip.next_out = (unsigned char *)to;
	t->zip.avail_out = (unsigned)n; /* max_entry is below 4 GB */
	while (t->zip.avail_out && !t->zip_ended) {
		int result = inflate(&t->zip, Z_NO_FLUSH);
		if (result == Z_STREAM_END)
			t->zip_ended = !next_member(t);
		else if (result == Z_MEM_ERROR)
			return error_memory(err);
		else if (result == Z_BUF_ERROR)
			return error_set(err, ERR_VALUE, "the archive is cut off");
		else if (result != Z_OK)
			return error_set(err, ERR_VALUE, "the archive is damaged: %s",
					 t->zip.msg ? t->zip.msg : "its compression is broken");
	}
	*ret_got = n - t->zip.avail_out;
	t->total += *ret_got;
	return true;
}

static bool read_exactly(struct tar *t, char *to, size_t n, struct error *err)
{
	size_t got;
	if (!inflate_some(t, to, n, &got, err))
		return false;
	return got == n ? true : error_set(err, ERR_VALUE, "the archive is cut off");
}

/* The rest of the stream, so that its checksum is looked at. */
static bool drain(struct tar *t, struct error *err)
{
	char waste[16 * 1024];
	size_t got = 1;
	while (got)
		if (!inflate_some(t, waste, sizeof(waste), &got, err))
			return false;
	return true;
}

/* ---- headers ---------------------------------------------------------------------------------------------------- */

static struct str field(const char *p, size_t n)
{
	return str_make(p, strnlen(p, n));
}

/* Octal digits between spaces, or GNU's binary with the highest bit set. */
static bool read_number(const char *p, size_t n, uint64_t *ret_value)
{
	uint64_t value = 0;
	const unsigned char *bytes = (const unsigned char *)p;
	if (bytes[0] & 0x80) {
		for (size_t i = 1; i < n; i++) {
			if (value >> 55)
				return false;
			value = value << 8 | bytes[i];
		}
		*ret_value = value;
		return bytes[0] == 0x80;
	}
	struct str digits = str_trim(field(p, n));
	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '7' || value >> 60)
			return false;
		value = value * 8 + (uint64_t)(digits.p[i] - '0');
	}
	*ret_value = value;
	return true;
}

static bool checksum_holds(const char *header)
{
	uint64_t sum = 0, wanted;
	for (size_t i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)header[i];
	return read_number(header + 148, 8, &wanted) && sum == wanted;
}

static bool is_zero(const char *block)
{
	for (size_t i = 0; i < BLOCK; i++)
		if (block[i])
			return false;
	return true;
}

static bool part_is_safe(struct str part)
{
	if (str_is(part, ".") || str_is(part, "..") || part.n > 255)
		return false;
	for (size_t i = 0; i < part.n; i++)
		if ((unsigned char)part.p[i] < 0x20 || part.p[i] == 0x7f || part.p[i] == '\\')
			return false;
	return true;
}

/* Takes over a name: "./a//b/" becomes "a/b". What leaves the directory, or a terminal in disarray, is refused. */
static bool set_name(struct tar *t, struct str raw, struct error *err)
{
	struct str rest = raw;
	t->name_n = 0;
	if (raw.n && raw.p[0] == '/')
		return error_set(err, ERR_VALUE, "the archive holds a file with an absolute name");
	if (raw.n > TAR_MAX_NAME)
		return error_set(err, ERR_VALUE, "the archive holds a file name of more than %d bytes", TAR_MAX_NAME);
	while (rest.p) {
		struct str part = str_split(&rest, '/');
		if (!part.n || (part.n == 1 && part.p[0] == '.'))
			continue;
		if (!part_is_safe(part))
			return error_set(err, ERR_VALUE, "the archive holds a file name that is not safe to unpack");
		if (t->name_n)
			t->name[t->name_n++] = '/';
		memcpy(t->name + t->name_n, part.p, part.n);
		t->name_n += part.n;
	}
	t->name[t->name_n] = '\0';
	return true;
}

/* The name in a header of its own format: ustar has a prefix for it. */
static bool header_name(struct tar *t, const char *header, struct error *err)
{
	char joined[260];
	struct str name = field(header, 100), prefix = field(header + 345, 155);
	bool ustar = memcmp(header + 257, "ustar\0", 6) == 0;
	if (!ustar || !prefix.n)
		return set_name(t, name, err);
	memcpy(joined, prefix.p, prefix.n);
	joined[prefix.n] = '/';
	memcpy(joined + prefix.n + 1, name.p, name.n);
	return set_name(t, str_make(joined, prefix.n + 1 + name.n), err);
}

/* The content of an entry and the padding behind it. */
static bool read_content(struct tar *t, size_t n, struct error *err)
{
	char padding[BLOCK];
	buf_reset(&t->content);
	char *room = buf_reserve(&t->content, n + 1);
	if (!room)
		return error_memory(err);
	if (!read_exactly(t, room, n, err))
		return false;
	t->content.n = n;
	room[n] = '\0';
	size_t over = n % BLOCK;
	return !over || read_exactly(t, padding, BLOCK - over, err);
}

/* One record of a pax header: "LENGTH KEY=VALUE\n". */
static bool take_pax(struct tar *t, struct str key, struct str value, struct error *err)
{
	uint64_t size;
	if (str_is(key, "path")) {
		t->long_name = true;
		return memchr(value.p, 0, value.n) ? error_set(err, ERR_VALUE, "the archive holds a broken file name")
						   : set_name(t, value, err);
	}
	if (str_is(key, "size")) {
		if (!str_to_u64(value, &size))
			return error_set(err, ERR_VALUE, "the archive holds a broken size");
		t->long_size = true;
		t->size = (size_t)size;
	}
	if (str_starts(key, S("GNU.sparse.")))
		return error_set(err, ERR_VALUE, "the archive holds a sparse file");
	return true;
}

static bool read_pax(struct tar *t, struct str records, struct error *err)
{
	while (records.n) {
		size_t space = str_find_char(records, ' ', 0);
		uint64_t length;
		if (space == STR_NONE || !str_to_u64(str_slice(records, 0, space), &length) || length > records.n ||
		    length < space + 3 || records.p[length - 1] != '\n')
			return error_set(err, ERR_VALUE, "the archive holds a broken extended header");
		struct str value = str_slice(records, space + 1, (size_t)length - 1), key = str_split(&value, '=');
		if (value.p && !take_pax(t, key, value, err))
			return false;
		records = str_slice(records, (size_t)length, records.n);
	}
	return true;
}

/* Headers that speak about the next one: pax ('x', 'g') and GNU's long name ('L'). */
static bool read_extension(struct tar *t, char type, size_t size, struct error *err)
{
	if (size > MAX_EXTENDED)
		return error_set(err, ERR_TOO_LARGE, "the archive holds an extended header of more than %d bytes",
				 MAX_EXTENDED);
	if (!read_content(t, size, err))
		return false;
	if (type == 'x')
		return read_pax(t, buf_str(&t->content), err);
	if (type != 'L')
		return true; /* 'g' speaks about all files: comments of whoever made the archive */
	t->long_name = true;
	return set_name(t, field(t->content.p, size), err);
}

static bool refuse_type(char type, struct error *err)
{
	const char *what = type == '1' || type == '2' || type == 'K'   ? "a link"
			   : type == '3' || type == '4' || type == '6' ? "a device"
								       : "an entry of an unknown kind";
	return error_set(err, ERR_VALUE, "the archive holds %s; a package holds only files", what);
}

static bool end_found(struct tar *t, struct error *err)
{
	t->ended = true;
	drain(t, err);
	return false;
}

/* One entry. *ret_file tells that it is a regular file, now in name and content. */
static bool read_entry(struct tar *t, const char *header, bool *ret_file, struct error *err)
{
	uint64_t size;
	char type = header[156];
	if (!checksum_holds(header) || !read_number(header + 124, 12, &size))
		return error_set(err, ERR_VALUE, "the archive is damaged: a header does not match its checksum");
	if (type == 'x' || type == 'g' || type == 'L')
		return read_extension(t, type, size > MAX_EXTENDED ? MAX_EXTENDED + 1 : (size_t)size, err);
	if (t->long_size)
		size = t->size;
	bool named = t->long_name;
	t->long_name = t->long_size = false;
	if (!named && !header_name(t, header, err))
		return false;
	if (type != '0' && type != '\0' && type != '7' && type != '5')
		return refuse_type(type, err);
	if (++t->entries > t->limits.max_entries)
		return error_set(err, ERR_TOO_LARGE, "the archive holds more than %zu files", t->limits.max_entries);
	/* Ancient archives mark a directory by the slash at its end. */
	struct str name = field(header, 100);
	if (type == '5' || (type != '7' && !named && str_ends(name, S("/"))))
		return size == 0 || error_set(err, ERR_VALUE, "the archive holds a directory with content");
	if (size > t->limits.max_entry)
		return error_set(err, ERR_TOO_LARGE, "the archive holds a file of more than %zu bytes",
				 t->limits.max_entry);
	if (!t->name_n)
		return error_set(err, ERR_VALUE, "the archive holds a file without a name");
	*ret_file = true;
	return read_content(t, (size_t)size, err);
}

bool tar_next(struct tar *t, struct str *ret_name, struct str *ret_content, struct error *err)
{
	char header[BLOCK];
	bool file = false;
	while (!file) {
		size_t got;
		if (t->ended || !inflate_some(t, header, sizeof(header), &got, err))
			return false;
		if (got == 0 || (got == BLOCK && is_zero(header)))
			return end_found(t, err);
		if (got < BLOCK)
			return error_set(err, ERR_VALUE, "the archive is cut off");
		if (!read_entry(t, header, &file, err))
			return false;
	}
	*ret_name = str_make(t->name, t->name_n);
	*ret_content = buf_str(&t->content);
	return true;
}
