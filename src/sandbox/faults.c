/*
 * Faults on demand and the choices of behaviour: both are tables, set when the sandbox starts; faults also while it
 * serves. A counted fault wears off by itself.
 */
#include "sandbox/faults_priv.h"

static const struct {
	const char *name;
	int64_t number;
	const char *what;
} faults[] = {
#define FAULT(id, name, number, what) {name, number, what},
#include "sandbox/faults.def"
#undef FAULT
};

static const struct {
	const char *key, *epic, *cerner, *values, *what;
} behaviours[] = {
#define BEHAVIOUR(id, key, epic, cerner, values, what) {key, epic, cerner, values, what},
#include "sandbox/behaviours.def"
#undef BEHAVIOUR
};

/* ---- faults ----------------------------------------------------------------------------------------------------- */

static size_t fault_find(struct str name)
{
	size_t i = 0;
	while (i < FAULT_COUNT && !str_is(name, faults[i].name))
		i++;
	return i;
}

bool fault_set(struct sandbox *s, struct str text, struct error *err)
{
	struct str argument = text, name = str_split(&argument, '=');
	size_t i = fault_find(name);
	int64_t number = 0;
	if (i == FAULT_COUNT)
		return error_set(err, ERR_USAGE, "There is no fault %.*s", STR_ARG(str_slice(name, 0, 60)));
	if (argument.p && (!str_to_i64(argument, &number) || number < 1 || number > 1000000))
		return error_set(err, ERR_USAGE, "The argument of fault %s must be a number from 1 to 1,000,000",
				 faults[i].name);
	pthread_mutex_lock(&s->lock);
	bool numbered = argument.p && faults[i].number;
	s->faults[i].number = numbered ? number : faults[i].number;
	s->faults[i].left = argument.p && !numbered ? number : -1;
	s->faults[i].on = true;
	s->since_token = 0;
	pthread_mutex_unlock(&s->lock);
	return true;
}

bool fault_clear(struct sandbox *s, struct str name)
{
	size_t i = fault_find(name);
	if (i == FAULT_COUNT)
		return false;
	pthread_mutex_lock(&s->lock);
	s->faults[i].on = false;
	pthread_mutex_unlock(&s->lock);
	return true;
}

void fault_clear_all(struct sandbox *s)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < FAULT_COUNT; i++)
		s->faults[i].on = false;
	pthread_mutex_unlock(&s->lock);
}

bool fault_take(struct sandbox *s, enum fault_name name)
{
	if (!s->faults[name].on) /* the usual case, without the lock: a moment's lateness does no harm */
		return false;
	pthread_mutex_lock(&s->lock);
	struct fault *f = &s->faults[name];
	bool taken = f->on;
	if (taken && f->left > 0 && --f->left == 0)
		f->on = false;
	pthread_mutex_unlock(&s->lock);
	return taken;
}

int64_t fault_number(const struct sandbox *s, enum fault_name name)
{
	return s->faults[name].on ? s->faults[name].number : 0;
}

void fault_list(struct sandbox *s, struct json_writer *w)
{
	json_array_begin(w);
	for (size_t i = 0; i < FAULT_COUNT; i++) {
		pthread_mutex_lock(&s->lock);
		struct fault f = s->faults[i];
		pthread_mutex_unlock(&s->lock);
		json_object_begin(w);
		json_put_member(w, S("name"), str_from(faults[i].name));
		json_key(w, S("on"));
		json_put_bool(w, f.on);
		if (f.on && f.left > 0) {
			json_key(w, S("left"));
			json_put_i64(w, f.left);
		}
		if (f.on && f.number) {
			json_key(w, S("number"));
			json_put_i64(w, f.number);
		}
		json_put_member(w, S("what"), str_from(faults[i].what));
		json_object_end(w);
	}
	json_array_end(w);
}

/* ---- behaviours ------------------------------------------------------------------------------------------------- */

static const char *default_of(const struct sandbox *s, size_t i)
{
	return s->o.vendor == EHR_EPIC ? behaviours[i].epic : behaviours[i].cerner;
}

static bool is_month(struct str text)
{
	int64_t year, month;
	return text.n == 7 && text.p[4] == '-' && str_to_i64(str_slice(text, 0, 4), &year) &&
	       str_to_i64(str_slice(text, 5, 7), &month) && month >= 1 && month <= 12;
}

static bool value_fits(const struct sandbox *s, size_t i, struct str value)
{
	struct str rest = str_from(behaviours[i].values);
	uint64_t number;
	if (str_is(rest, "number"))
		return str_to_u64(value, &number) && number <= 1000000;
	while (rest.p) {
		struct str one = str_split(&rest, '|');
		bool month = str_is(one, "month");
		if (month ? s->o.vendor == EHR_EPIC && is_month(value)
			  : str_eq(one, value) && (i != BEHAVIOUR_RELEASE || s->o.vendor == EHR_CERNER))
			return true;
	}
	return false;
}

static bool set_behaviour(struct sandbox *s, struct str text, struct error *err)
{
	struct str value = text, key = str_split(&value, '=');
	size_t i = 0;
	while (i < BEHAVIOUR_COUNT && !str_is(key, behaviours[i].key))
		i++;
	if (i == BEHAVIOUR_COUNT || !default_of(s, i))
		return error_set(err, ERR_USAGE, "This sandbox has no behaviour %.*s", STR_ARG(str_slice(key, 0, 60)));
	if (!value.p || !value_fits(s, i, value))
		return error_set(err, ERR_USAGE, "Behaviour %s takes %s (%s)", behaviours[i].key,
				 i == BEHAVIOUR_RELEASE && s->o.vendor == EHR_EPIC ? "YYYY-MM" : behaviours[i].values,
				 behaviours[i].what);
	s->behaviours[i] = arena_str(&s->arena, value);
	return s->behaviours[i].p ? true : error_memory(err);
}

bool faults_open(struct sandbox *s, struct error *err)
{
	for (size_t i = 0; i < BEHAVIOUR_COUNT; i++)
		s->behaviours[i] = default_of(s, i) ? str_from(default_of(s, i)) : STR_NULL;
	for (size_t i = 0; i < s->o.behaviour_count; i++) {
		if (!set_behaviour(s, s->o.behaviours[i], err))
			return false;
	}
	for (size_t i = 0; i < s->o.fault_count; i++) {
		if (!fault_set(s, s->o.faults[i], err))
			return false;
	}
	return true;
}

bool behaves(const struct sandbox *s, enum behaviour_name name, const char *value)
{
	return str_is(s->behaviours[name], value);
}

int64_t behaviour_number(const struct sandbox *s, enum behaviour_name name)
{
	int64_t number = 0;
	return str_to_i64(s->behaviours[name], &number) ? number : 0;
}

bool released(const struct sandbox *s, const char *since)
{
	return str_cmp(s->behaviours[BEHAVIOUR_RELEASE], str_from(since)) >= 0;
}

/* ---- for help texts --------------------------------------------------------------------------------------------- */

void sandbox_describe(struct buf *out)
{
	buf_add(out, S("Faults, --fault NAME or NAME=N (N answers, unless the text says otherwise):\n"));
	for (size_t i = 0; i < FAULT_COUNT; i++)
		buf_printf(out, "  %-16s %s\n", faults[i].name, faults[i].what);
	buf_add(out, S("\nBehaviours, --behaviour KEY=VALUE (defaults of epic, cerner):\n"));
	for (size_t i = 0; i < BEHAVIOUR_COUNT; i++)
		buf_printf(out, "  %-18s %s; %s (%s, %s)\n", behaviours[i].key, behaviours[i].what,
			   behaviours[i].values, behaviours[i].epic ? behaviours[i].epic : "-",
			   behaviours[i].cerner ? behaviours[i].cerner : "-");
}
