/* SPDX-License-Identifier: MIT
 *
 * The asking side of sys.h: a request, and the wait for its answer. What a
 * process does with it is sys-obey.c's; the socket asks by sys-methods.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codeserver/sys-internal.h"

#define PUBLIC __attribute__((visibility("default")))

struct mail *sys_mail(const struct sys_request *request,
		      const char *const texts[3])
{
	size_t size = sizeof(*request);
	struct mail *mail;
	char *to;

	for (int i = 0; texts && i < 3; i++)
		size += strlen(texts[i] ? texts[i] : "") + 1;
	mail = mail_make(NULL, size);
	if (!mail)
		return NULL;
	mail->m.kind = HW_SYSTEM;
	memcpy(mail->m.data, request, sizeof(*request));
	to = (char *)mail->m.data + sizeof(*request);
	for (int i = 0; texts && i < 3; i++)
		to = stpcpy(to, texts[i] ? texts[i] : "") + 1;
	return mail;
}

/* 0 and *ANSWER, which the caller frees, or an error, noted. */
static int sys_ask(hw_pid pid, const struct sys_request *request,
		   const char *const texts[3], int timeout_ms,
		   struct mail **answer)
{
	struct mail *mail = sys_mail(request, texts);
	const struct sys_answer *a;
	struct call c;
	int r;

	*answer = NULL;
	r = call_ask(&c, pid, mail, timeout_ms);
	if (r)
		return r;
	a = (const struct sys_answer *)(const void *)c.answer->m.data;
	if (a->error) {
		r = call_failed(a->error, a->reason);
		mail_free(c.answer);
		return r;
	}
	*answer = c.answer;
	return 0;
}

static const struct sys_answer *answer_of(const struct mail *mail)
{
	return (const struct sys_answer *)(const void *)mail->m.data;
}

static int sys_tell(hw_pid pid, const struct sys_request *request,
		    const char *const texts[3], int timeout_ms)
{
	struct mail *answer;
	int r = sys_ask(pid, request, texts, timeout_ms, &answer);

	mail_free(answer);
	return r;
}

PUBLIC int hw_sys_suspend(hw_pid pid, int timeout_ms)
{
	const struct sys_request r = {.op = SYS_SUSPEND};

	return sys_tell(pid, &r, NULL, timeout_ms);
}

PUBLIC int hw_sys_resume(hw_pid pid, int timeout_ms)
{
	const struct sys_request r = {.op = SYS_RESUME};

	return sys_tell(pid, &r, NULL, timeout_ms);
}

PUBLIC int hw_sys_change_code(hw_pid pid, const struct hw_sys_change *change,
			      int timeout_ms)
{
	const struct sys_request r = {.op = SYS_CHANGE_CODE,
				      .down = change && change->down};

	if (!change)
		return call_failed(-EINVAL, "badarg");
	return sys_tell(pid, &r,
			(const char *[3]){change->module, change->vsn,
					  change->extra},
			timeout_ms);
}

PUBLIC long hw_sys_get_state(hw_pid pid, char *text, size_t size,
			     int timeout_ms)
{
	const struct sys_request request = {.op = SYS_GET_STATE};
	struct mail *answer;
	long r = sys_ask(pid, &request, NULL, timeout_ms, &answer);

	if (r < 0)
		return r;
	if (size)
		snprintf(text, size, "%s", answer_of(answer)->text);
	r = (long)answer_of(answer)->length;
	mail_free(answer);
	return r;
}

PUBLIC int hw_sys_replace_state(hw_pid pid, hw_sys_replace *fn, void *arg,
				int timeout_ms)
{
	const struct sys_request r = {.op = SYS_REPLACE_STATE,
				      .fn = fn,
				      .arg = arg};

	if (!fn)
		return call_failed(-EINVAL, "badarg");
	return sys_tell(pid, &r, NULL, timeout_ms);
}

PUBLIC int hw_sys_parse_state(hw_pid pid, const char *text, int timeout_ms)
{
	const struct sys_request r = {.op = SYS_PARSE_STATE};

	return sys_tell(pid, &r, (const char *[3]){text}, timeout_ms);
}

PUBLIC int hw_sys_statistics(hw_pid pid, enum hw_sys_count what,
			     struct hw_sys_statistics *count, int timeout_ms)
{
	const struct sys_request request = {.op = SYS_STATISTICS,
					    .count = what};
	struct mail *answer;
	int r = sys_ask(pid, &request, NULL, timeout_ms, &answer);

	if (!r && count)
		*count = answer_of(answer)->statistics;
	mail_free(answer);
	return r;
}

PUBLIC int hw_sys_get_status(hw_pid pid, struct hw_sys_status *status,
			     int timeout_ms)
{
	const struct sys_request request = {.op = SYS_STATUS};
	struct mail *answer;
	int r = sys_ask(pid, &request, NULL, timeout_ms, &answer);

	if (!r)
		*status = answer_of(answer)->status;
	mail_free(answer);
	return r;
}

/* Its end is the answer; of another reason it is none. */
PUBLIC int hw_sys_terminate(hw_pid pid, const char *reason, int timeout_ms)
{
	const struct sys_request request = {.op = SYS_TERMINATE};
	char wanted[HW_REASON_MAX];
	int r;

	if (!reason || !*reason)
		return call_failed(-EINVAL, "badarg");
	reason_copy(wanted, reason);
	r = sys_tell(pid, &request, (const char *[3]){reason}, timeout_ms);
	return r == -ECONNRESET && !strcmp(hw_call_reason(), wanted) ? 0 : r;
}
