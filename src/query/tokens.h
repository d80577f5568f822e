// SPDX-License-Identifier: AGPL-3.0-or-later
// From words to what the two indexes hold. Each item of a text has a position; an alphabetic word is one
// token there. A character of a substring script is a token by itself and, when another continues its
// run, a second one at the same position that joins the two. So every phrase, and every part of a run,
// is an exact phrase of tokens: nothing has to be read again. Tokens begin with their workspace.
#pragma once
#include "query/tree.h"

// Cuts a text into the tokens of a document: fn is called in order; `same` says that the token stands at
// the position of the one before. Token bytes are only valid during the call. False ends it (and is
// returned).
typedef bool token_fn(void *arg, struct str token, bool same);
bool tokens_of_text(i64 workspace_id, struct str text, struct arena *arena, token_fn *fn, void *arg);
// The text's tokens as one string for the FTS5 tokenizer of tokens_split.
struct str tokens_stream(i64 workspace_id, struct str text, struct arena *arena);
// The other side of tokens_stream.
bool tokens_split(struct str stream, token_fn *fn, void *arg);
// A text term (at least one word) as FTS5 expression and as tsquery.
struct str tokens_fts5(i64 workspace_id, const struct node *term, struct arena *arena);
struct str tokens_tsquery(i64 workspace_id, const struct node *term, struct arena *arena);
// A document in parts of tsvector text, so that no part exceeds PostgreSQL's limits (256 positions a
// lexeme, 16,383 in all); neighbours overlap by the longest phrase.
struct str_list tokens_tsvectors(i64 workspace_id, struct str text, struct arena *arena);
