/* Tenants: what their names may be, and the way to the backend that keeps them. */
#include "store/store_priv.h"

enum { MAX_NAME = 40 };

bool store_tenant_name_valid(struct str name)
{
	if (name.n == 0 || name.n > MAX_NAME || name.p[0] == '-' || name.p[name.n - 1] == '-')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}

bool store_tenant_exists(struct str location, struct str name, bool *ret_exists, struct error *err)
{
	*ret_exists = false;
	return !store_tenant_name_valid(name) ||
	       store_backend_of(location)->tenant_exists(location, name, ret_exists, err);
}

bool store_tenant_list(struct str location, struct arena *a, struct str **ret_names, size_t *ret_count,
		       struct error *err)
{
	return store_backend_of(location)->tenant_list(location, a, ret_names, ret_count, err);
}

bool store_tenant_remove(struct str location, struct str name, const struct store_options *options, struct error *err)
{
	struct store_options of_tenant = *options;
	bool exists;
	if (!store_tenant_exists(location, name, &exists, err))
		return false;
	if (!exists)
		return error_set(err, ERR_NOT_FOUND, "There is no tenant of that name");
	of_tenant.tenant = name;
	return store_backend_of(location)->tenant_remove(location, name, &of_tenant, err);
}
