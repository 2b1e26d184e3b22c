/* Notes on packages: what is missing, damaged or in conflict. */
#include "package/package_priv.h"

const char *package_note_kind_name(enum package_note_kind kind)
{
	static const char *const names[] = {"missing", "conflict", "cycle", "release", "damaged"};
	return names[kind];
}

static bool is_known(const struct package_notes *notes, enum package_note_kind kind, struct str name,
		     struct str version)
{
	for (const struct package_note *n = notes->first; n; n = n->next)
		if (n->kind == kind && kind != NOTE_DAMAGED && str_eq(n->name, name) && str_eq(n->version, version))
			return true;
	return false;
}

void note_add(struct package_notes *notes, enum package_note_kind kind, struct str name, struct str version,
	      const char *format, ...)
{
	va_list args;
	if (is_known(notes, kind, name, version) || notes->count >= (notes->max ? notes->max : 1000))
		return;
	struct package_note *n = ARENA_NEW(notes->arena, struct package_note);
	if (!n)
		return;
	va_start(args, format);
	*n = (struct package_note){.kind = kind,
				   .name = arena_str(notes->arena, name),
				   .version = arena_str(notes->arena, version),
				   .text = arena_vprintf(notes->arena, format, args)};
	va_end(args);
	if (notes->last)
		notes->last->next = n;
	else
		notes->first = n;
	notes->last = n;
	notes->count++;
}
