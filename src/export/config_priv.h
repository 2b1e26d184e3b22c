/* Configuration files of the npm bulk-data-client: the form they are written in. */
#ifndef FIRTH_EXPORT_CONFIG_PRIV_H
#define FIRTH_EXPORT_CONFIG_PRIV_H

#include "export/export_priv.h"

/* The object that a module exports, as JSON. ERR_CONFIG with the line of what is no constant. */
bool config_js_to_json(struct str text, struct buf *out, struct error *err) MUST_USE;

#endif
