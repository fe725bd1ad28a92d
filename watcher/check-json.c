/* SPDX-License-Identifier: MIT
 *
 * Findings as JSON of our own, and as SARIF 2.1.0 for code scanning.
 *
 * A SARIF result's fingerprint is made of rule, module, symbol and what
 * changed, not of its line: it is the same finding when lines move.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher/check.h"
#include "watcher/util.h"

static void text_member(cJSON *o, const char *name, const char *s)
{
	if (s)
		cJSON_AddStringToObject(o, name, s);
	else
		cJSON_AddNullToObject(o, name);
}

static void put_json(struct text *t, cJSON *o)
{
	char *s = cJSON_PrintUnformatted(o);

	text_puts(t, s ? s : "{}");
	text_puts(t, "\n");
	cJSON_free(s);
	cJSON_Delete(o);
}

/* --- ours ----------------------------------------------------------------- */

static cJSON *finding_json(const struct check_result *r,
			   const struct check_finding *f)
{
	cJSON *o = cJSON_CreateObject();

	text_member(o, "rule", f->rule->id);
	text_member(o, "severity", check_severity_word(f->severity));
	text_member(o, "module", f->module);
	text_member(o, "symbol", f->symbol);
	text_member(o, "file", f->file ? check_shown_file(r, f->file) : NULL);
	if (f->file && f->line)
		cJSON_AddNumberToObject(o, "line", f->line);
	else
		cJSON_AddNullToObject(o, "line");
	cJSON_AddBoolToObject(o, "old_text", f->old);
	text_member(o, "old", f->was);
	text_member(o, "new", f->is);
	text_member(o, "message", f->message);
	text_member(o, "advice", f->rule->advice);
	text_member(o, "suppressed", f->suppressed);
	return o;
}

static cJSON *pauses_json(const struct check_result *r)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < r->npauses; i++) {
		cJSON *p = cJSON_CreateObject();

		text_member(p, "direction", r->pauses[i].down ? "down" : "up");
		cJSON_AddNumberToObject(p, "pause_us", r->pauses[i].us);
		cJSON_AddItemToArray(list, p);
	}
	return list;
}

void check_put_json(struct text *t, const struct check_result *r)
{
	cJSON *o = cJSON_CreateObject(), *list;

	text_member(o, "verdict", check_verdict_word(check_result_verdict(r)));
	cJSON_AddNumberToObject(o, "compared", (double)r->compared);
	cJSON_AddNumberToObject(o, "unchanged", (double)r->unchanged);
	list = cJSON_AddArrayToObject(o, "findings");
	for (size_t i = 0; i < r->n; i++)
		cJSON_AddItemToArray(list, finding_json(r, &r->findings[i]));
	if (r->npauses)
		cJSON_AddItemToObject(o, "rehearsal", pauses_json(r));
	list = cJSON_AddArrayToObject(o, "unchecked");
	for (size_t i = 0; i < r->nunknown; i++) {
		cJSON *u = cJSON_CreateObject();

		text_member(u, "module", r->unknown[i].module);
		text_member(u, "message", r->unknown[i].why);
		cJSON_AddItemToArray(list, u);
	}
	put_json(t, o);
}

/* --- SARIF ---------------------------------------------------------------- */

static const char *const levels[] = {[CHECK_INFO] = "note",
				     [CHECK_WARNING] = "warning",
				     [CHECK_ERROR] = "error"};

static cJSON *message_json(cJSON *o, const char *name, const char *s)
{
	cJSON *m = cJSON_AddObjectToObject(o, name);

	cJSON_AddStringToObject(m, "text", s);
	return m;
}

static cJSON *rule_json(const struct check_rule *rule)
{
	cJSON *o = cJSON_CreateObject();
	char *link = check_rule_link(rule);
	cJSON *level;

	cJSON_AddStringToObject(o, "id", rule->id);
	message_json(o, "shortDescription", rule->title);
	cJSON_AddStringToObject(message_json(o, "help", rule->advice),
				"markdown", link);
	level = cJSON_AddObjectToObject(o, "defaultConfiguration");
	cJSON_AddStringToObject(level, "level", levels[rule->severity]);
	free(link);
	return o;
}

/* A path below the root as a relative URI reference: what is no plain
 * character is escaped. */
static char *uri_of(const char *file)
{
	struct text t = {0};

	if (*file == '/')
		text_puts(&t, "file://");
	for (; *file; file++) {
		unsigned char c = (unsigned char)*file;

		if ((c | 32) - 'a' < 26u || c - '0' < 10u ||
		    strchr("/._-~+", c))
			text_add(&t, file, 1);
		else
			text_printf(&t, "%%%02X", c);
	}
	return text_take(&t);
}

static void location_add(cJSON *o, const struct check_result *r,
			 const struct check_finding *f)
{
	cJSON *list = cJSON_AddArrayToObject(o, "locations");
	cJSON *l = cJSON_CreateObject(), *physical, *artifact, *region;
	const char *shown = check_shown_file(r, f->file);
	char *uri = uri_of(shown);

	physical = cJSON_AddObjectToObject(l, "physicalLocation");
	artifact = cJSON_AddObjectToObject(physical, "artifactLocation");
	cJSON_AddStringToObject(artifact, "uri", uri);
	if (*shown != '/')
		cJSON_AddStringToObject(artifact, "uriBaseId", "SRCROOT");
	if (f->line) {
		region = cJSON_AddObjectToObject(physical, "region");
		cJSON_AddNumberToObject(region, "startLine", f->line);
	}
	cJSON_AddItemToArray(list, l);
	free(uri);
}

static void fingerprint_add(cJSON *o, const struct check_finding *f)
{
	char *key =
	    xasprintf("%s\n%s\n%s\n%s\n%s", f->rule->id, f->module, f->symbol,
		      f->was ? f->was : "", f->is ? f->is : "");
	cJSON *prints = cJSON_AddObjectToObject(o, "partialFingerprints");
	char hex[17];

	snprintf(hex, sizeof(hex), "%016llx",
		 (unsigned long long)fnv1a64(key, strlen(key)));
	cJSON_AddStringToObject(prints, "change/v1", hex);
	free(key);
}

static cJSON *result_json(const struct check_result *r,
			  const struct check_finding *f)
{
	cJSON *o = cJSON_CreateObject(), *list, *s;
	char *text = xasprintf("%s; %s", f->message, f->rule->advice);

	cJSON_AddStringToObject(o, "ruleId", f->rule->id);
	cJSON_AddNumberToObject(o, "ruleIndex",
				(double)(f->rule - check_rules));
	cJSON_AddStringToObject(o, "level", levels[f->severity]);
	message_json(o, "message", text);
	if (f->file)
		location_add(o, r, f);
	fingerprint_add(o, f);
	if (f->suppressed) {
		list = cJSON_AddArrayToObject(o, "suppressions");
		s = cJSON_CreateObject();
		cJSON_AddStringToObject(s, "kind", "external");
		cJSON_AddStringToObject(s, "justification", f->suppressed);
		cJSON_AddItemToArray(list, s);
	}
	free(text);
	return o;
}

static void tool_add(cJSON *run)
{
	cJSON *tool = cJSON_AddObjectToObject(run, "tool");
	cJSON *driver = cJSON_AddObjectToObject(tool, "driver"), *rules;

	cJSON_AddStringToObject(driver, "name", "hotwatch");
	cJSON_AddStringToObject(driver, "version", HOTWATCH_VERSION);
	rules = cJSON_AddArrayToObject(driver, "rules");
	for (size_t i = 0; i < RULE_COUNT; i++)
		cJSON_AddItemToArray(rules, rule_json(&check_rules[i]));
}

/* What could not be checked is told as the run's own trouble: a scan that did
 * not see everything must not look as if it had found nothing. */
static void invocation_add(cJSON *run, const struct check_result *r)
{
	cJSON *list = cJSON_AddArrayToObject(run, "invocations"), *notes;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddBoolToObject(o, "executionSuccessful", r->nunknown == 0);
	notes = cJSON_AddArrayToObject(o, "toolExecutionNotifications");
	for (size_t i = 0; i < r->nunknown; i++) {
		cJSON *n = cJSON_CreateObject();
		char *s = xasprintf("%s: %s", r->unknown[i].module,
				    r->unknown[i].why);

		cJSON_AddStringToObject(n, "level", "error");
		message_json(n, "message", s);
		cJSON_AddItemToArray(notes, n);
		free(s);
	}
	cJSON_AddItemToArray(list, o);
}

void check_put_sarif(struct text *t, const struct check_result *r)
{
	cJSON *o = cJSON_CreateObject(), *runs, *run, *list, *bases, *root;

	cJSON_AddStringToObject(
	    o, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	cJSON_AddStringToObject(o, "version", "2.1.0");
	runs = cJSON_AddArrayToObject(o, "runs");
	run = cJSON_CreateObject();
	tool_add(run);
	invocation_add(run, r);
	bases = cJSON_AddObjectToObject(run, "originalUriBaseIds");
	root = cJSON_AddObjectToObject(bases, "SRCROOT");
	message_json(root, "description", "the project's root");
	list = cJSON_AddArrayToObject(run, "results");
	for (size_t i = 0; i < r->n; i++)
		cJSON_AddItemToArray(list, result_json(r, &r->findings[i]));
	cJSON_AddStringToObject(run, "columnKind", "utf16CodeUnits");
	cJSON_AddItemToArray(runs, run);
	put_json(t, o);
}
