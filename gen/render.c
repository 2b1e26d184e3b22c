/* The model as the bytes of the pack. Equal texts are stored once. */
#include "model.h"
#include "fhir/pack_priv.h"

struct render {
	const struct model *model;
	struct buf sections[PACK_SECTIONS];
	struct map texts; /* text to its offset + 1 */
	struct str unknown; /* a component's parameter that its type does not have */
	bool failed;
};

static struct pack_text text(struct render *r, struct str s)
{
	bool fresh;
	struct buf *bytes = &r->sections[PACK_BYTES];
	if (!s.p)
		return (struct pack_text){0, PACK_NONE};
	uint64_t *at = map_put(&r->texts, s, &fresh);
	if (!at) {
		r->failed = true;
		return (struct pack_text){0, 0};
	}
	if (fresh) {
		*at = bytes->n;
		buf_add(bytes, s);
	}
	return (struct pack_text){(uint32_t)*at, (uint32_t)s.n};
}

static uint32_t count(const struct render *r, enum pack_section section, size_t size)
{
	return (uint32_t)(r->sections[section].n / size);
}

static void put(struct render *r, enum pack_section section, const void *record, size_t size)
{
	buf_add(&r->sections[section], str_make(record, size));
}

static uint32_t put_texts(struct render *r, enum pack_section section, const struct str *texts, size_t n)
{
	uint32_t first = count(r, section, sizeof(struct pack_text));
	for (size_t i = 0; i < n; i++) {
		struct pack_text t = text(r, texts[i]);
		put(r, section, &t, sizeof(t));
	}
	return first;
}

static uint32_t type_index(struct render *r, struct str name)
{
	uint64_t *at = name.n ? map_get(&r->model->type_index, name) : NULL;
	return at ? (uint32_t)*at : PACK_NONE;
}

static void put_element(struct render *r, const struct model_element *e)
{
	struct pack_element out = {
		.name = text(r, e->name),
		.path = text(r, e->path),
		.value_set = text(r, e->value_set),
		.definition = text(r, e->definition),
		.flags = (e->choice ? PACK_CHOICE : 0) | (e->summary ? PACK_SUMMARY : 0) |
			 (e->modifier ? PACK_MODIFIER : 0),
		.min = e->min,
		.max = e->max,
		.first_type = count(r, PACK_ELEMENT_TYPES, sizeof(struct pack_element_type)),
		.type_count = (uint32_t)e->type_count,
		.strength = e->strength,
	};
	for (size_t i = 0; i < e->type_count; i++) {
		struct pack_element_type type = {
			.type = type_index(r, e->types[i].code),
			.first_target = put_texts(r, PACK_TEXTS, e->types[i].targets, e->types[i].target_count),
			.target_count = (uint32_t)e->types[i].target_count,
		};
		put(r, PACK_ELEMENT_TYPES, &type, sizeof(type));
	}
	put(r, PACK_ELEMENTS, &out, sizeof(out));
}

static void put_component(struct render *r, const struct model_type *t, uint32_t first_param,
			  const struct model_component *c)
{
	struct pack_component out = {.param = PACK_NONE, .whole = c->whole};
	for (size_t i = 0; i < t->param_count; i++)
		if (str_eq(t->params[i].url, c->url))
			out.param = first_param + (uint32_t)i;
	if (out.param == PACK_NONE)
		r->unknown = c->url;
	put(r, PACK_COMPONENTS, &out, sizeof(out));
}

static void put_param(struct render *r, const struct model_type *t, uint32_t first_param, const struct model_param *p)
{
	struct pack_param out = {
		.code = text(r, p->code),
		.url = text(r, p->url),
		.expression = text(r, p->expression),
		.type = p->type,
		.first_target = put_texts(r, PACK_TEXTS, p->targets, p->target_count),
		.target_count = (uint32_t)p->target_count,
		.first_component = count(r, PACK_COMPONENTS, sizeof(struct pack_component)),
		.component_count = (uint32_t)p->component_count,
	};
	for (size_t i = 0; i < p->component_count; i++)
		put_component(r, t, first_param, &p->components[i]);
	put(r, PACK_PARAMS, &out, sizeof(out));
}

static void put_type(struct render *r, const struct model_type *t)
{
	struct pack_type out = {
		.name = text(r, t->name),
		.pattern = text(r, t->pattern),
		.summary = text(r, t->summary),
		.url = text(r, t->url),
		.kind = t->kind,
		.abstract = t->abstract,
		.base = type_index(r, t->base),
		.first_element = count(r, PACK_ELEMENTS, sizeof(struct pack_element)),
		.element_count = (uint32_t)t->element_count,
		.first_param = count(r, PACK_PARAMS, sizeof(struct pack_param)),
		.param_count = (uint32_t)t->param_count,
	};
	for (size_t i = 0; i < t->element_count; i++)
		put_element(r, &t->elements[i]);
	for (size_t i = 0; i < t->param_count; i++)
		put_param(r, t, out.first_param, &t->params[i]);
	put(r, PACK_TYPES, &out, sizeof(out));
}

static void put_value_set(struct render *r, const struct model_value_set *v)
{
	struct pack_value_set out = {
		.url = text(r, v->url),
		.first_code = put_texts(r, PACK_CODES, v->codes, v->code_count),
		.code_count = (uint32_t)v->code_count,
	};
	put(r, PACK_VALUE_SETS, &out, sizeof(out));
}

static void put_compartment(struct render *r, const struct model_compartment *c)
{
	struct pack_compartment out = {
		.type = type_index(r, c->type),
		.first_member = count(r, PACK_MEMBERS, sizeof(struct pack_member)),
		.member_count = (uint32_t)c->member_count,
	};
	for (size_t i = 0; i < c->member_count; i++) {
		const struct model_member *from = &c->members[i];
		struct pack_member member = {
			.type = type_index(r, from->type),
			.first_param = put_texts(r, PACK_TEXTS, from->params, from->param_count),
			.param_count = (uint32_t)from->param_count,
		};
		put(r, PACK_MEMBERS, &member, sizeof(member));
	}
	put(r, PACK_COMPARTMENTS, &out, sizeof(out));
}

static void join(struct render *r, struct buf *out)
{
	static const size_t sizes[PACK_SECTIONS] = {sizeof(struct pack_type),
						    sizeof(struct pack_element),
						    sizeof(struct pack_element_type),
						    sizeof(struct pack_text),
						    sizeof(struct pack_param),
						    sizeof(struct pack_value_set),
						    sizeof(struct pack_text),
						    sizeof(struct pack_component),
						    sizeof(struct pack_compartment),
						    sizeof(struct pack_member),
						    1};
	struct pack_header header = {.magic = PACK_MAGIC, .format = PACK_FORMAT};
	uint32_t at = sizeof(header);
	for (int i = 0; i < PACK_SECTIONS; i++) {
		header.sections[i].at = at;
		header.sections[i].count = (uint32_t)(r->sections[i].n / sizes[i]);
		at += (uint32_t)r->sections[i].n;
	}
	header.size = at;
	buf_add(out, str_make((const char *)&header, sizeof(header)));
	for (int i = 0; i < PACK_SECTIONS; i++) {
		buf_add(out, buf_str(&r->sections[i]));
		if (!buf_ok(&r->sections[i]))
			r->failed = true;
	}
	if (!buf_ok(out) || out->n < sizeof(header))
		return;
	header.checksum = pack_checksum((const unsigned char *)out->p + sizeof(header), at - (uint32_t)sizeof(header));
	memcpy(out->p, &header, sizeof(header));
}

bool render_pack(const struct model *m, struct buf *out, struct error *err)
{
	struct render r = {.model = m};
	for (int i = 0; i < PACK_SECTIONS; i++)
		buf_init(&r.sections[i], 64 << 20);
	map_init(&r.texts, 1 << 20);
	for (size_t i = 0; i < m->type_count; i++)
		put_type(&r, &m->types[i]);
	for (size_t i = 0; i < m->set_count; i++)
		put_value_set(&r, &m->sets[i]);
	for (size_t i = 0; i < m->compartment_count; i++)
		put_compartment(&r, &m->compartments[i]);
	join(&r, out);
	for (int i = 0; i < PACK_SECTIONS; i++)
		buf_done(&r.sections[i]);
	map_done(&r.texts);
	if (r.unknown.p)
		return error_set(err, ERR_STRUCTURE, "a composite search parameter has the unknown component %.*s",
				 STR_ARG(r.unknown));
	return !r.failed && buf_ok(out) ? true : error_memory(err);
}
