/* SPDX-License-Identifier: MIT
 *
 * See rpc.h. A connection: the frames that come in, the calls of ours that
 * are not answered yet, and the requests of theirs that we have not answered.
 *
 * Invariants. A pending call is taken off the list before its DONE runs, so a
 * callback may call, close or feed again. A request knows its connection only
 * while that lives; a late answer finds NULL there and is dropped. What cannot
 * be said (no memory, too large) ends in an error on this side or in a closed
 * connection, never in a caller that waits for ever.
 *
 * Our ids are 1, 2, 3 ...; answers mostly come in order, so the list of
 * pending calls is a queue that is searched from its front.
 */
#include "protocol/rpc.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/frame.h"
#include "protocol/json.h"
#include "protocol/message.h"

struct pending {
	struct pending *next;
	double id;
	hw_rpc_done *done;
	void *arg;
};

struct hw_request {
	struct hw_request *next, **link; /* in rpc's list; link: NULL if not */
	struct hw_rpc *rpc;              /* NULL once that is freed */
	cJSON *id;
};

struct hw_rpc {
	struct hw_frame frame;
	const struct hw_rpc_method *methods;
	hw_rpc_write *write;
	void *user;
	struct pending *first, **last;
	struct hw_request *requests;
	double next_id;
	int closed; /* by the owner, or because something cannot be said */
};

/* --- sending ------------------------------------------------------------- */

/* Hands MSG over and frees it. -1: there is none. */
static int send_message(struct hw_rpc *r, char *msg, size_t len)
{
	if (!msg)
		return -1;
	r->write(msg, len, r->user);
	free(msg);
	return 0;
}

static void send_error(struct hw_rpc *r, const cJSON *id, int code,
		       const char *message, cJSON *data)
{
	size_t len;
	char *msg = rpc_message_error(id, code, message, data, &len);

	if (!msg && len > 0) /* too much data to say what is wrong: just say */
		msg =
		    rpc_message_error(id, code, "the error's data is too large",
				      NULL, &len);
	if (send_message(r, msg, len))
		r->closed = 1; /* the other side must not wait for ever */
}

static struct pending *pending_add(struct hw_rpc *r, hw_rpc_done *done,
				   void *arg)
{
	struct pending *p = malloc(sizeof(*p));

	if (!p)
		return NULL;
	p->next = NULL;
	p->id = r->next_id++;
	p->done = done;
	p->arg = arg;
	*r->last = p;
	r->last = &p->next;
	return p;
}

/* Takes the call with ID off the list; NULL if there is none. */
static struct pending *pending_take(struct hw_rpc *r, double id)
{
	struct pending **link = &r->first, *p;

	while (*link && (*link)->id != id)
		link = &(*link)->next;
	p = *link;
	if (!p)
		return NULL;
	*link = p->next;
	if (!*link)
		r->last = link;
	return p;
}

int hw_rpc_call(struct hw_rpc *r, const char *method, cJSON *params,
		hw_rpc_done *done, void *arg)
{
	struct pending *p = NULL;
	cJSON *id = NULL;
	char *msg = NULL;
	size_t len = 0;

	if (!r->closed)
		id = cJSON_CreateNumber(r->next_id);
	if (id)
		msg = rpc_message_call(method, id, params, &len);
	else
		cJSON_Delete(params);
	cJSON_Delete(id);
	if (msg)
		p = pending_add(r, done, arg);
	if (!p) {
		free(msg);
		return -1;
	}
	return send_message(r, msg, len);
}

int hw_rpc_notify(struct hw_rpc *r, const char *method, cJSON *params)
{
	size_t len;

	if (r->closed) {
		cJSON_Delete(params);
		return -1;
	}
	return send_message(r, rpc_message_call(method, NULL, params, &len),
			    len);
}

/* --- requests of theirs -------------------------------------------------- */

static void request_free(struct hw_request *req)
{
	if (!req)
		return;
	if (req->link) {
		*req->link = req->next;
		if (req->next)
			req->next->link = req->link;
	}
	cJSON_Delete(req->id);
	free(req);
}

static struct hw_request *request_new(struct hw_rpc *r, const cJSON *id)
{
	struct hw_request *req = calloc(1, sizeof(*req));

	if (!req)
		return NULL;
	req->id = rpc_message_id(id);
	if (!req->id) {
		request_free(req);
		return NULL;
	}
	req->rpc = r;
	req->next = r->requests;
	req->link = &r->requests;
	if (req->next)
		req->next->link = &req->next;
	r->requests = req;
	return req;
}

void hw_rpc_reply(struct hw_request *req, cJSON *result)
{
	struct hw_rpc *r = req ? req->rpc : NULL;
	size_t len;
	char *msg;

	if (!r || r->closed) {
		cJSON_Delete(result);
		request_free(req);
		return;
	}
	msg = rpc_message_result(req->id, result, &len);
	if (!msg)
		send_error(r, req->id, HW_RPC_INTERNAL_ERROR,
			   len ? "the result is over 16 MiB" : "out of memory",
			   NULL);
	send_message(r, msg, len);
	request_free(req);
}

void hw_rpc_fail(struct hw_request *req, int code, const char *message,
		 cJSON *data)
{
	struct hw_rpc *r = req ? req->rpc : NULL;

	if (r && !r->closed)
		send_error(r, req->id, code, message, data);
	else
		cJSON_Delete(data);
	request_free(req);
}

void *hw_request_user(const struct hw_request *req)
{
	return req && req->rpc ? req->rpc->user : NULL;
}

/* --- receiving ----------------------------------------------------------- */

static const struct hw_rpc_method *find_method(const struct hw_rpc *r,
					       const char *name)
{
	const struct hw_rpc_method *m;

	for (m = r->methods; m && m->name; m++)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

static void on_notify(struct hw_rpc *r, const struct rpc_message *m)
{
	const struct hw_rpc_method *method = find_method(r, m->method);

	if (method)
		method->call(NULL, m->params, r->user);
}

static void on_call(struct hw_rpc *r, const struct rpc_message *m)
{
	const struct hw_rpc_method *method = find_method(r, m->method);
	struct hw_request *req;

	if (!method) {
		send_error(r, m->id, HW_RPC_METHOD_NOT_FOUND,
			   "there is no such method", NULL);
		return;
	}
	req = request_new(r, m->id);
	if (req)
		method->call(req, m->params, r->user);
	else
		send_error(r, m->id, HW_RPC_INTERNAL_ERROR, "out of memory",
			   NULL);
}

/* An error as DONE is promised it, whatever the other side made of it. */
static int error_is_whole(const cJSON *e)
{
	return cJSON_IsObject(e) &&
	       cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(e, "code")) &&
	       cJSON_IsString(cJSON_GetObjectItemCaseSensitive(e, "message"));
}

/* Ends P with an error of our own making, which must not need memory. */
static void pending_fail(struct pending *p, int code, const char *text)
{
	cJSON message = {.type = cJSON_String,
			 .valuestring = (char *)text,
			 .string = (char *)"message"};
	cJSON number = {.type = cJSON_Number,
			.valueint = code,
			.valuedouble = code,
			.string = (char *)"code",
			.next = &message};
	cJSON error = {.type = cJSON_Object, .child = &number};

	number.prev = &message;
	message.prev = &number;
	if (p->done)
		p->done(NULL, &error, p->arg);
	free(p);
}

static void on_answer(struct hw_rpc *r, const struct rpc_message *m)
{
	struct pending *p = NULL;

	if (m->id && cJSON_IsNumber(m->id))
		p = pending_take(r, m->id->valuedouble);
	if (!p) /* not ours, or an error about something with no id */
		return;
	if (m->error && !error_is_whole(m->error)) {
		pending_fail(p, HW_RPC_INTERNAL_ERROR,
			     "the other side sent a malformed error");
		return;
	}
	if (p->done)
		p->done(m->result, m->error, p->arg);
	free(p);
}

static void on_body(struct hw_rpc *r, const char *body, size_t len)
{
	struct rpc_message m;

	rpc_message_parse(&m, body, len);
	switch (m.kind) {
	case HW_MESSAGE_CALL:
		on_call(r, &m);
		break;
	case HW_MESSAGE_NOTIFY:
		on_notify(r, &m);
		break;
	case HW_MESSAGE_ANSWER:
		on_answer(r, &m);
		break;
	case HW_MESSAGE_BAD:
		send_error(r, m.id, m.code, m.why, NULL);
		break;
	}
	rpc_message_free(&m);
}

int hw_rpc_feed(struct hw_rpc *r, const void *data, size_t len)
{
	char *body;
	size_t n;
	int rc;

	if (r->closed)
		return -1;
	hw_frame_feed(&r->frame, data, len); /* its error comes from next */
	while ((rc = hw_frame_next(&r->frame, &body, &n)) > 0) {
		on_body(r, body, n);
		if (r->closed)
			return -1;
	}
	if (rc == HW_FRAME_EBIG)
		send_error(r, NULL, HW_RPC_INVALID_REQUEST,
			   "a message may have 16 MiB at most", NULL);
	if (rc < 0)
		r->closed = 1;
	return rc < 0 ? -1 : 0;
}

/* --- the connection ------------------------------------------------------ */

struct hw_rpc *hw_rpc_new(const struct hw_rpc_method *methods,
			  hw_rpc_write *write, void *user)
{
	struct hw_rpc *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	hw_frame_init(&r->frame);
	r->methods = methods;
	r->write = write;
	r->user = user;
	r->last = &r->first;
	r->next_id = 1;
	return r;
}

void hw_rpc_close(struct hw_rpc *r)
{
	struct pending *p;

	r->closed = 1;
	while ((p = r->first))
		pending_fail(pending_take(r, p->id), HW_RPC_CLOSED,
			     "the connection is closed");
}

void hw_rpc_free(struct hw_rpc *r)
{
	struct hw_request *req;
	struct pending *p;

	if (!r)
		return;
	while ((p = r->first))
		free(pending_take(r, p->id));
	while ((req = r->requests)) {
		r->requests = req->next;
		req->rpc = NULL;
		req->link = NULL;
	}
	hw_frame_free(&r->frame);
	free(r);
}
