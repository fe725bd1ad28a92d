/* SPDX-License-Identifier: MIT
 *
 * Suppressions: findings that somebody has judged, with a reason and a day on
 * which that judgement ends. One that has no effect is told, because it would
 * hide the next finding that happens to fit.
 */
#include <string.h>
#include <time.h>

#include "watcher/check-internal.h"
#include "watcher/settings.h"

/* A module's last part may be used alone. */
static bool is_module(const char *name, const char *wanted)
{
	return !wanted || !strcmp(name, wanted) ||
	       !strcmp(path_base(name), wanted);
}

static bool fits(const struct suppression *s, const struct check_finding *f)
{
	return !strcmp(s->rule, f->rule->id) &&
	       is_module(f->module, s->module) &&
	       (!s->symbol || !strcmp(s->symbol, f->symbol));
}

static size_t apply(struct check_result *r, const struct suppression *s)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (!fits(s, &r->findings[i]))
			continue;
		r->findings[i].suppressed = s->reason;
		n++;
	}
	return n;
}

static void told(struct check_result *r, enum check_rule_id rule,
		 const struct suppression *s, const char *path,
		 const char *what)
{
	struct check_place at = {.file = path, .line = s->line};

	check_add(r, rule, "", s->rule, at, "the suppression of %s%s%s%s%s %s",
		  s->rule, s->module ? " in " : "", s->module ? s->module : "",
		  s->symbol ? " for " : "", s->symbol ? s->symbol : "", what);
}

const char *check_today(void)
{
	static char day[16];
	time_t now = time(NULL);
	struct tm tm;

	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&now, &tm));
	return day;
}

void check_suppress(struct check_result *r, const struct settings *s,
		    const char *path, const char *today, bool whole)
{
	for (size_t i = 0; i < s->nsuppress; i++) {
		const struct suppression *p = &s->suppress[i];

		if (!check_rule_named(p->rule))
			told(r, RULE_SUPPRESSION_UNUSED, p, path,
			     "names no rule");
		else if (strcmp(p->expires, today) < 0)
			told(r, RULE_SUPPRESSION_EXPIRED, p, path,
			     "is out of date");
		else if (!apply(r, p) && whole)
			told(r, RULE_SUPPRESSION_UNUSED, p, path,
			     "suppresses nothing");
	}
	check_result_sort(r);
}
