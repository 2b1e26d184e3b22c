/* JSON lines, each written at once. */
#include "base/log.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

static enum log_level least_level = LOG_INFO;
static int log_fd = STDOUT_FILENO;

void log_setup(enum log_level least, int fd)
{
	least_level = least;
	log_fd = fd;
}

static void add_quoted(struct buf *line, struct str text)
{
	buf_char(line, '"');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c == '"' || c == '\\') {
			buf_char(line, '\\');
			buf_char(line, (char)c);
		} else if (c < 0x20) {
			buf_printf(line, "\\u%04x", c);
		} else {
			buf_char(line, (char)c);
		}
	}
	buf_char(line, '"');
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	if (level < least_level || log_fd < 0)
		return;
	char now[CLOCK_INSTANT_SIZE];
	clock_format_instant(clock_now_ms(), now);
	struct buf line;
	buf_init(&line, 16 * 1024);
	buf_printf(&line, "{\"time\":\"%.*s\",\"level\":\"%s\",\"event\":", CLOCK_INSTANT_SIZE, now, names[level]);
	add_quoted(&line, str_from(event));
	for (size_t i = 0; i < count; i++) {
		buf_char(&line, ',');
		add_quoted(&line, str_from(fields[i].key));
		buf_char(&line, ':');
		if (fields[i].text.p)
			add_quoted(&line, fields[i].text);
		else
			buf_printf(&line, "%lld", (long long)fields[i].number);
	}
	buf_add(&line, S("}\n"));
	if (buf_ok(&line) && write(log_fd, line.p, line.n) < 0) {
		/* Nobody is left to tell. */
	}
	buf_done(&line);
}
