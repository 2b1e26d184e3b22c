/* A store_audit that remembers instead of storing: the client needs nothing else of a store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "fake.h"

bool __wrap_store_audit(struct store *s, const struct audit_event *e, size_t count,
			struct error *err); /* the linker's */

bool __wrap_store_audit(struct store *s, const struct audit_event *e, size_t count, struct error *err)
{
	(void)err;
	assert_ptr_equal(s, (struct store *)fake_current);
	assert_int_equal(count, 1);
	fake_current->audits++;
	snprintf(fake_current->audit_last, sizeof fake_current->audit_last,
		 "%.*s %c out=%d outcome=%d status=%d type=%.*s id=%.*s query=%.*s patient=%.*s",
		 STR_ARG(e->interaction), e->action, e->outgoing, e->outcome, e->http_status, STR_ARG(e->type),
		 STR_ARG(e->id), STR_ARG(e->query), STR_ARG(e->patient));
	snprintf(fake_current->agent, sizeof fake_current->agent, "%.*s", STR_ARG(e->agent));
	snprintf(fake_current->address, sizeof fake_current->address, "%.*s", STR_ARG(e->address));
	return true;
}
