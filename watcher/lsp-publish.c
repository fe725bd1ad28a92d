/* SPDX-License-Identifier: MIT
 *
 * See lsp-publish.h. A *page* is what the client has of one file. What it is
 * made of is summed up in one number while all is gone through the first time;
 * pages whose number is what it was are left alone the second time. Those that
 * are made are compared as they are printed with what was sent, and one that
 * has nothing any more is sent empty.
 *
 * To make all and compare what was printed was tried: with ten thousand
 * diagnostics, which a changed header brings easily, each save took 150 ms.
 */
#include "watcher/lsp-publish.h"

#include <stdlib.h>
#include <string.h>

#define PORTION 1000 /* diagnostics and files: some 6 ms */

struct page {
	char *path;
	uint64_t said, made; /* what it is made of: now, and as it was sent */
	char *sent;          /* as it was sent; NULL: never */
	unsigned place;      /* among those of which something is said; or 0 */
	unsigned count;      /* how much is */
	bool is_open, chosen;
	/* while it is made: */
	cJSON *list;
	struct strmap there; /* what is in LIST: no twice */
};

static struct page *page_of(struct lsp *s, const char *path)
{
	struct page *p = strmap_get(&s->pages, path);

	if (!p) {
		p = xcalloc(1, sizeof(*p));
		p->path = xstrdup(path);
		strmap_put(&s->pages, path, p);
	}
	return p;
}

bool making_wants(struct making *m, const char *path, uint64_t stamp)
{
	struct page *p = page_of(m->s, path);

	if (!m->counting)
		return p->chosen;
	if (p->count++ == 0)
		p->place = ++m->mentioned;
	stamp ^= p->said;
	p->said = fnv1a64(&stamp, sizeof(stamp)) | 1;
	return false;
}

bool making_is_new(struct making *m, const char *path, unsigned line,
		   unsigned column, const char *message)
{
	struct page *p = page_of(m->s, path);
	char *key = xasprintf("%u:%u:%s", line, column, message);
	bool is_new = !strmap_get(&p->there, key);

	strmap_put(&p->there, key, p);
	free(key);
	return is_new;
}

void making_add(struct making *m, const char *path, cJSON *diagnostic)
{
	struct page *p = page_of(m->s, path);

	if (!p->list)
		p->list = cJSON_CreateArray();
	cJSON_AddItemToArray(p->list, diagnostic);
}

const struct lsp_file *making_file(struct making *m, const char *path)
{
	struct lsp_file *f = strmap_get(&m->read, path);

	if (!f) {
		f = xcalloc(1, sizeof(*f));
		lsp_file_read(f, path);
		strmap_put(&m->read, path, f);
	}
	return f;
}

/* --- sending ------------------------------------------------------------- */

/* TEXT is p->list, printed: printing takes as long as all else. */
static void send_page(struct lsp *s, const struct page *p, const char *text)
{
	cJSON *params = cJSON_CreateObject();
	char *uri = lsp_client_uri(s, p->path);

	cJSON_AddStringToObject(params, "uri", uri);
	cJSON_AddRawToObject(params, "diagnostics", text);
	lsp_notify(s, "textDocument/publishDiagnostics", params);
	free(uri);
}

static void publish(struct lsp *s, struct page *p)
{
	char *text = p->list ? cJSON_PrintUnformatted(p->list) : NULL;

	if (strcmp(p->sent ? p->sent : "[]", text ? text : "[]") != 0)
		send_page(s, p, text ? text : "[]");
	free(p->sent);
	p->sent = text ? xstrdup(text) : NULL;
	cJSON_free(text);
	cJSON_Delete(p->list);
	p->list = NULL;
	strmap_free(&p->there);
	p->made = p->said;
}

static void files_free(struct strmap *read)
{
	void *v;

	for (size_t i = 0; strmap_next(read, &i, &v);) {
		lsp_file_free(v);
		free(v);
	}
	strmap_free(read);
}

/* --- a portion ----------------------------------------------------------- */

static void forget(struct lsp *s)
{
	struct page *p;
	void *v;

	for (size_t i = 0; strmap_next(&s->pages, &i, &v);) {
		p = v;
		p->said = 0;
		p->place = p->count = 0;
		p->is_open = p->chosen = false;
	}
}

static void mark_open(struct lsp *s)
{
	struct page *p;
	void *path;

	for (size_t i = 0; strmap_next(&s->docs, &i, &path);)
		if ((p = strmap_get(&s->pages, path)))
			p->is_open = true;
}

/* What is looked at; then what is to be wiped away; then as it is told. */
static int by_want(const void *a, const void *b)
{
	const struct page *x = *(struct page *const *)a;
	const struct page *y = *(struct page *const *)b;

	if (x->is_open != y->is_open)
		return x->is_open ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

/* Those that have changed, the most wanted first; malloc'd. */
static struct page **changed(struct lsp *s, size_t *n)
{
	struct page **list = xcalloc(s->pages.used + 1, sizeof(struct page *));
	struct page *p;
	void *v;

	*n = 0;
	for (size_t i = 0; strmap_next(&s->pages, &i, &v);) {
		p = v;
		if (p->said != p->made)
			list[(*n)++] = p;
	}
	qsort(list, *n, sizeof(struct page *), by_want);
	return list;
}

/* How many of the N in LIST make a portion; a file is never halved. */
static size_t choose(struct page **list, size_t n)
{
	size_t chosen = 0, weight = 0;

	while (chosen < n && weight < PORTION) {
		list[chosen]->chosen = true;
		weight += 1 + list[chosen++]->count;
	}
	return chosen;
}

bool lsp_publish(struct lsp *s, void (*each)(struct making *m))
{
	struct making m = {.s = s, .counting = true};
	struct page **list;
	size_t n, chosen;

	forget(s);
	each(&m);
	m.counting = false;
	mark_open(s);
	list = changed(s, &n);
	chosen = choose(list, n);
	for (size_t i = 0; i < chosen; i++)
		lsp_fix_clear(s, list[i]->path);
	if (chosen)
		each(&m);
	for (size_t i = 0; i < chosen; i++)
		publish(s, list[i]);
	files_free(&m.read);
	free(list);
	return chosen == n;
}

void lsp_publish_free(struct lsp *s)
{
	struct page *p;
	void *v;

	for (size_t i = 0; strmap_next(&s->pages, &i, &v);) {
		p = v;
		free(p->sent);
		free(p->path);
		free(p);
	}
	strmap_free(&s->pages);
}
