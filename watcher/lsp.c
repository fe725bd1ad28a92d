/* SPDX-License-Identifier: MIT
 *
 * hotwatch lsp as the Language Server Protocol (3.17) wants it to behave:
 * initialize, documents, shutdown, exit. What it serves is in the other lsp-*.c
 * (lsp-internal.h lists them).
 *
 * It keeps no text of documents. What is compiled is what is on disk, the
 * watcher sees a save as soon as the kernel does, and to compile a save a
 * second time because the editor tells of it, too, would be two builds; so
 * changes are not asked for (TextDocumentSyncKind.None) and a save is only
 * heard. Open documents are known for their URIs: a client must be answered
 * with the one that it gave, also where it leads through a symbolic link.
 *
 * The project is that of the first folder of the workspace that is in one, else
 * that of the first document that is opened.
 */
#include "watcher/lsp-internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watcher/project.h"
#include "watcher/settings.h"

/* --- to the client ------------------------------------------------------- */

void lsp_notify(struct lsp *s, const char *method, cJSON *params)
{
	hw_rpc_notify(wire_rpc(s->editor), method, params);
}

void lsp_show_message(struct lsp *s, int type, const char *text)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "type", type);
	cJSON_AddStringToObject(o, "message", text);
	lsp_notify(s, "window/showMessage", o);
}

char *lsp_client_uri(const struct lsp *s, const char *path)
{
	void *v;

	for (size_t i = 0; strmap_next(&s->docs, &i, &v);)
		if (!strcmp(v, path))
			return xstrdup(s->docs.slots[i - 1].key);
	return lsp_uri(path);
}

bool lsp_serving(struct lsp *s, struct hw_request *req)
{
	if (s->phase == LSP_SERVING)
		return true;
	hw_rpc_fail(req,
		    s->phase == LSP_NEW ? LSP_NOT_INITIALIZED
					: HW_RPC_INVALID_REQUEST,
		    s->phase == LSP_NEW ? "initialize comes first"
					: "the server was shut down",
		    NULL);
	return false;
}

/* --- the project --------------------------------------------------------- */

static void on_up(void *arg)
{
	struct lsp *s = arg;

	s->up = true;
	free(s->why);
	s->why = NULL;
	cJSON_Delete(s->fault);
	s->fault = NULL;
}

static void on_event(const cJSON *event, void *arg)
{
	struct lsp *s = arg;

	lsp_state_event(s, event);
	if (!s->caught_up)
		return;
	lsp_status_event(s, event);
	if (s->building && !s->asking) {
		lsp_status_tell(s);
		lsp_progress_tell(s);
	} else {
		lsp_state_refresh(s);
	}
}

static void on_caught_up(void *arg)
{
	struct lsp *s = arg;

	s->caught_up = true;
	lsp_state_refresh(s);
}

/* A settings file that is no good keeps a watcher from beginning. */
static void note_fault(struct lsp *s)
{
	char *path = path_join(s->root, "hotwatch.json");

	cJSON_Delete(s->fault);
	s->fault =
	    starts_with(s->why, path) ? settings_fault(s->why, path) : NULL;
	free(path);
}

static void on_down(const char *why, void *arg)
{
	struct lsp *s = arg;

	s->up = false;
	free(s->why);
	s->why = xstrdup(why);
	note_fault(s);
	lsp_state_down(s);
	lsp_problems_tell(s);
	lsp_status_tell(s);
	lsp_progress_tell(s);
	if (!s->caps.status && s->told_ready)
		lsp_show_message(s, 2, why);
}

static void open_project(struct lsp *s, const char *dir)
{
	static const struct lsp_link_callbacks callbacks = {on_up, on_event,
							    on_caught_up,
							    on_down};
	char *err = NULL;

	if (s->root)
		return;
	s->root = project_root(dir, NULL, &err);
	free(s->why);
	s->why = err;
	if (s->root)
		s->link = lsp_link_open(s->loop, s->root, &callbacks, s);
}

static void open_uri(struct lsp *s, const char *uri)
{
	char *path = lsp_path(uri);

	if (path && file_exists(path))
		open_project(s, path);
	free(path);
}

static void find_project(struct lsp *s, const cJSON *params)
{
	const cJSON *folder;
	const char *path = json_str(params, "rootPath");

	cJSON_ArrayForEach(folder, json_at(params, "workspaceFolders"))
	{
		open_uri(s, json_str(folder, "uri"));
	}
	open_uri(s, json_str(params, "rootUri"));
	if (*path && file_exists(path))
		open_project(s, path);
}

/* --- initialize ---------------------------------------------------------- */

static const cJSON *capability(const cJSON *params, const char *const *names)
{
	const cJSON *o = json_at(params, "capabilities");

	for (; *names; names++)
		o = json_at(o, *names);
	return o;
}

#define CAPABILITY(params, ...) \
	capability(params, (const char *const[]){__VA_ARGS__, NULL})

/* experimental.hotwatch: true, or an object that says which. */
static bool wants(const cJSON *params, const char *what)
{
	const cJSON *ours = CAPABILITY(params, "experimental", "hotwatch");

	return cJSON_IsTrue(ours) || json_true(ours, what);
}

static void take_capabilities(struct lsp_caps *caps, const cJSON *params)
{
	caps->status = wants(params, "status");
	caps->holders = wants(params, "holders");
	caps->related = cJSON_IsTrue(CAPABILITY(params, "textDocument",
						"publishDiagnostics",
						"relatedInformation"));
	caps->lens_refresh = cJSON_IsTrue(
	    CAPABILITY(params, "workspace", "codeLens", "refreshSupport"));
	caps->progress =
	    cJSON_IsTrue(CAPABILITY(params, "window", "workDoneProgress"));
	caps->literals = CAPABILITY(params, "textDocument", "codeAction",
				    "codeActionLiteralSupport") != NULL;
}

static void add_text_sync(cJSON *o)
{
	cJSON *sync = cJSON_AddObjectToObject(o, "textDocumentSync");

	cJSON_AddBoolToObject(sync, "openClose", true);
	cJSON_AddNumberToObject(sync, "change", 0);
	cJSON_AddBoolToObject(sync, "save", true);
}

static cJSON *capabilities(const struct lsp *s, const cJSON *params)
{
	cJSON *o = cJSON_CreateObject(), *ours, *commands;

	add_text_sync(o);
	if (CAPABILITY(params, "textDocument", "codeLens"))
		cJSON_AddObjectToObject(o, "codeLensProvider");
	if (s->caps.literals)
		cJSON_AddBoolToObject(o, "codeActionProvider", true);
	commands = cJSON_AddObjectToObject(o, "executeCommandProvider");
	cJSON_AddItemToObject(commands, "commands", lsp_commands());
	ours = cJSON_AddObjectToObject(o, "experimental");
	ours = cJSON_AddObjectToObject(ours, "hotwatch");
	cJSON_AddBoolToObject(ours, "status", true);
	cJSON_AddBoolToObject(ours, "holders", true);
	return o;
}

static void on_initialize(struct hw_request *req, const cJSON *params,
			  void *user)
{
	struct lsp *s = wire_arg(user);
	cJSON *o, *info;

	if (s->phase != LSP_NEW) {
		hw_rpc_fail(req, HW_RPC_INVALID_REQUEST,
			    "initialize may come once", NULL);
		return;
	}
	s->phase = LSP_SERVING;
	take_capabilities(&s->caps, params);
	o = cJSON_CreateObject();
	cJSON_AddItemToObject(o, "capabilities", capabilities(s, params));
	info = cJSON_AddObjectToObject(o, "serverInfo");
	cJSON_AddStringToObject(info, "name", "hotwatch");
	cJSON_AddStringToObject(info, "version", HOTWATCH_VERSION);
	hw_rpc_reply(req, o);
	find_project(s, params);
}

/* Nothing but answers may be sent before it. */
static void on_initialized(struct hw_request *req, const cJSON *params,
			   void *user)
{
	struct lsp *s = wire_arg(user);

	(void)params;
	s->told_ready = s->phase == LSP_SERVING;
	lsp_problems_tell(s);
	lsp_status_tell(s);
	lsp_state_refresh(s);
	hw_rpc_reply(req,
		     NULL); /* a client that calls it may have its answer */
}

/* --- documents ----------------------------------------------------------- */

static const char *uri_of(const cJSON *params)
{
	return json_str(json_at(params, "textDocument"), "uri");
}

static void on_open(struct hw_request *req, const cJSON *params, void *user)
{
	struct lsp *s = wire_arg(user);
	char *path = lsp_path(uri_of(params)), *dir;

	(void)req;
	if (!path || s->phase != LSP_SERVING)
		goto out;
	free(strmap_get(&s->docs, uri_of(params)));
	strmap_put(&s->docs, uri_of(params), path_real(path));
	dir = path_dir(path);
	if (!s->root && file_exists(dir)) {
		open_project(s, dir);
		lsp_status_tell(s);
	}
	free(dir);
out:
	free(path);
}

static void on_close(struct hw_request *req, const cJSON *params, void *user)
{
	struct lsp *s = wire_arg(user);

	(void)req;
	free(strmap_get(&s->docs, uri_of(params)));
	strmap_remove(&s->docs, uri_of(params));
}

/* didChange, didSave and others: known, and nothing is to be done. */
static void on_heard(struct hw_request *req, const cJSON *params, void *user)
{
	(void)params;
	(void)user;
	hw_rpc_reply(req, NULL);
}

/* --- its end ------------------------------------------------------------- */

static void on_shutdown(struct hw_request *req, const cJSON *params, void *user)
{
	struct lsp *s = wire_arg(user);

	(void)params;
	if (!lsp_serving(s, req))
		return;
	s->phase = LSP_SHUT;
	hw_rpc_reply(req, NULL);
}

static void on_exit_told(struct hw_request *req, const cJSON *params,
			 void *user)
{
	struct lsp *s = wire_arg(user);

	(void)req;
	(void)params;
	s->over(s, s->phase == LSP_SHUT ? 0 : 1);
}

const struct hw_rpc_method lsp_methods[] = {
    {"initialize", on_initialize},
    {"initialized", on_initialized},
    {"shutdown", on_shutdown},
    {"exit", on_exit_told},
    {"textDocument/didOpen", on_open},
    {"textDocument/didClose", on_close},
    {"textDocument/didChange", on_heard},
    {"textDocument/didSave", on_heard},
    {"textDocument/codeLens", lsp_on_lens},
    {"textDocument/codeAction", lsp_on_action},
    {"workspace/executeCommand", lsp_on_command},
    {NULL, NULL},
};

void lsp_open(struct lsp *s, uv_loop_t *loop)
{
	s->loop = loop;
	s->holders_stale = true;
	lsp_progress_open(s);
	lsp_problems_open(s);
}

static void free_values(struct strmap *m)
{
	void *v;

	for (size_t i = 0; strmap_next(m, &i, &v);)
		free(v);
	strmap_free(m);
}

void lsp_close(struct lsp *s)
{
	s->phase = LSP_SHUT;
	lsp_link_close(s->link);
	s->link = NULL;
	wire_close(s->editor);
	lsp_progress_close(s);
	lsp_problems_close(s);
	lsp_state_free(s);
	lsp_fix_clear(s, NULL);
	lsp_publish_free(s);
	free_values(&s->docs);
	free(s->told_status);
	free(s->told_holders);
	free(s->root);
	free(s->why);
	cJSON_Delete(s->fault);
}
