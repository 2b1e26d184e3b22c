/* See secret_prompt.h. */
#include "app/secret_prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "server/login/login.h"

enum { LINE_MAX_BYTES = 2048 };

/* One line without its end. Byte by byte, so that nothing behind it is taken. */
static bool read_line(int fd, char line[LINE_MAX_BYTES], size_t *ret_n, struct error *err)
{
	size_t n = 0;
	char c;
	for (;;) {
		ssize_t got = read(fd, &c, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_set(err, ERR_IO, "The password cannot be read: %s", strerror(errno));
		if (got == 0 || c == '\n')
			break;
		if (n == LINE_MAX_BYTES)
			return error_set(err, ERR_VALUE, "The password is too long");
		line[n++] = c;
	}
	*ret_n = n && line[n - 1] == '\r' ? n - 1 : n;
	return true;
}

static bool ask(int tty, const char *label, char line[LINE_MAX_BYTES], size_t *ret_n, struct error *err)
{
	struct termios before, quiet;
	bool known = tcgetattr(tty, &before) == 0;
	if (dprintf(tty, "%s: ", label) < 0 || !known)
		return error_set(err, ERR_IO, "The terminal cannot be used to ask for a password");
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(tty, TCSAFLUSH, &quiet);
	bool ok = read_line(tty, line, ret_n, err);
	tcsetattr(tty, TCSAFLUSH, &before);
	return dprintf(tty, "\n") > 0 && ok;
}

static bool ask_at_terminal(struct app *app, const char *label, bool twice, struct str *ret_secret, struct error *err)
{
	char first[LINE_MAX_BYTES], second[LINE_MAX_BYTES];
	size_t n = 0, again = 0;
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (tty < 0)
		return error_set(err, ERR_IO, "There is no terminal to ask for a password: %s", strerror(errno));
	bool ok = ask(tty, label, first, &n, err) && (!twice || ask(tty, "Once more", second, &again, err));
	if (ok && twice && (n != again || memcmp(first, second, n) != 0))
		ok = error_set(err, ERR_VALUE, "The two passwords differ");
	*ret_secret = ok ? arena_str(&app->arena, str_make(first, n)) : STR_NULL;
	explicit_bzero(first, sizeof(first));
	explicit_bzero(second, sizeof(second));
	close(tty);
	return ok && (ret_secret->p || error_memory(err));
}

bool secret_prompt(struct app *app, const char *label, bool twice, struct str *ret_secret, struct error *err)
{
	char line[LINE_MAX_BYTES];
	size_t n = 0;
	struct str secret = STR_NULL;
	if (isatty(STDIN_FILENO)) {
		if (!ask_at_terminal(app, label, twice, &secret, err))
			return false;
	} else {
		if (!read_line(STDIN_FILENO, line, &n, err))
			return false;
		secret = arena_str(&app->arena, str_make(line, n));
		explicit_bzero(line, sizeof(line));
		if (!secret.p)
			return error_memory(err);
	}
	if (!secret.n)
		return error_set(err, ERR_VALUE, "No password was given");
	*ret_secret = secret;
	return true;
}

bool secret_prompt_hash(struct app *app, struct str name, struct str *ret_hash)
{
	char hash[VAULT_HASH_SIZE];
	struct str password = STR_NULL;
	struct error err = {0};
	bool ok = secret_prompt(app, "Password", true, &password, &err) && login_password_check(password, name, &err) &&
		  vault_password_hash(password, hash, &err);
	if (password.p)
		vault_wipe((char *)(uintptr_t)password.p, password.n);
	*ret_hash = ok ? arena_str(&app->arena, str_from(hash)) : STR_NULL;
	if (!ok)
		app->status = app_fail(app, &err);
	return ok;
}
