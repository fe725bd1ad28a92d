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

struct page {
	uint64_t said, made; /* what it is made of: now, and as it was sent */
	char *sent;          /* as it was sent; NULL: never */
	/* while it is made: */
	cJSON *list;
	struct strmap there; /* what is in LIST: no twice */
};

static struct page *page_of(struct lsp *s, const char *path)
{
	struct page *p = strmap_get(&s->pages, path);

	if (!p) {
		p = xcalloc(1, sizeof(*p));
		strmap_put(&s->pages, path, p);
	}
	return p;
}

bool making_wants(struct making *m, const char *path, uint64_t stamp)
{
	struct page *p = page_of(m->s, path);

	if (!m->counting)
		return p->said != p->made;
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
static void send_page(struct lsp *s, const char *path, const char *text)
{
	cJSON *params = cJSON_CreateObject();
	char *uri = lsp_client_uri(s, path);

	cJSON_AddStringToObject(params, "uri", uri);
	cJSON_AddRawToObject(params, "diagnostics", text);
	lsp_notify(s, "textDocument/publishDiagnostics", params);
	free(uri);
}

static void publish(struct lsp *s, const char *path, struct page *p)
{
	char *text = p->list ? cJSON_PrintUnformatted(p->list) : NULL;

	if (strcmp(p->sent ? p->sent : "[]", text ? text : "[]") != 0)
		send_page(s, path, text ? text : "[]");
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

void lsp_publish(struct lsp *s, void (*each)(struct making *m))
{
	struct making m = {.s = s, .counting = true};
	struct page *p;
	void *v;

	for (size_t i = 0; strmap_next(&s->pages, &i, &v);)
		((struct page *)v)->said = 0;
	each(&m);
	m.counting = false;
	for (size_t i = 0; strmap_next(&s->pages, &i, &v);) {
		p = v;
		if (p->said != p->made)
			lsp_fix_clear(s, s->pages.slots[i - 1].key);
	}
	each(&m);
	for (size_t i = 0; strmap_next(&s->pages, &i, &v);) {
		p = v;
		if (p->said != p->made)
			publish(s, s->pages.slots[i - 1].key, p);
	}
	files_free(&m.read);
}

void lsp_publish_free(struct lsp *s)
{
	struct page *p;
	void *v;

	for (size_t i = 0; strmap_next(&s->pages, &i, &v);) {
		p = v;
		free(p->sent);
		free(p);
	}
	strmap_free(&s->pages);
}
