/* An RxNorm release in RRF turned into tables of drug knowledge. */
#ifndef FIRTH_APP_KNOWLEDGE_RRF_H
#define FIRTH_APP_KNOWLEDGE_RRF_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* directory holds RXNCONSO.RRF, RXNREL.RRF and, for NDCs, RXNSAT.RRF. The texts of ingredients.tsv, drugs.tsv and
 * ndc.tsv are written to the three buffers. The files are read line by line. ERR_IO, ERR_NOT_FOUND, ERR_LIMIT. */
bool knowledge_rrf_read(struct arena *a, struct str directory, struct buf *ingredients, struct buf *drugs,
			struct buf *ndc, struct error *err) MUST_USE;

#endif
