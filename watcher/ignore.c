/* SPDX-License-Identifier: MIT
 *
 * .gitignore's rules. See ignore.h for the shape, glob.c for the patterns.
 *
 * Order of judgement, the first that has an opinion decides:
 *   the built-in names (ignored, whatever is said elsewhere),
 *   the user's own patterns,
 *   .gitignore of the path's folder, then of each folder above,
 *   info/exclude of the repository.
 * Within one file the last line that matches wins, so each is read from its
 * end. Asking `git check-ignore` instead was tried: a process that has to be
 * kept, or 3 ms for each new folder.
 *
 * core.excludesFile is not read: it lists what one person wants out of
 * commits, mostly editors' files that are built in here.
 */
#include "watcher/ignore.h"

#include "watcher/glob.h"
#include "watcher/util.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct rule {
	char *pattern;
	size_t literal; /* characters before the first special one */
	bool negated;   /* "!": brings back */
	bool dirs;      /* ends in "/": folders only */
	bool anchored;  /* has a "/": the whole path, else the name */
};

struct ignore {
	unsigned refs;
	struct ignore *above; /* the next to ask; owned */
	struct ignore *user;  /* the user's patterns; owned, or NULL: these */
	char *base;           /* folder that anchored patterns start from */
	size_t skip;          /* length of BASE and its slash */
	struct rule *rules;
	size_t n, cap;
};

/* --- built-in names ------------------------------------------------------ */

static bool is_swap_file(const char *name)
{
	size_t n = strlen(name);

	return name[0] == '.' && n >= 6 && !memcmp(name + n - 4, ".sw", 3);
}

/* NAME.tmp-PID, as file_write makes it. */
static bool is_own_temporary(const char *name)
{
	const char *s = strrchr(name, '-');

	return s && s - name >= 4 && !memcmp(s - 4, ".tmp", 4) && s[1] &&
	       s[1 + strspn(s + 1, "0123456789")] == '\0';
}

static bool is_editors(const char *name)
{
	size_t n = strlen(name);

	return !strcmp(name, "4913") || /* vim's probe for permissions */
	       (n > 1 && name[n - 1] == '~') || is_swap_file(name) ||
	       !strncmp(name, ".#", 2) ||
	       (n > 1 && name[0] == '#' && name[n - 1] == '#');
}

bool ignore_name(const char *name, bool dir)
{
	if (!strcmp(name, ".git"))
		return true;
	if (dir)
		return !strcmp(name, ".hotwatch") || ends_with(name, ".hot");
	return is_editors(name) || is_own_temporary(name);
}

/* --- reading rules ------------------------------------------------------- */

/* Spaces at the end go, unless a backslash quotes them. */
static void trim_spaces(char *line)
{
	char *end = line;

	for (char *s = line; *s; s++) {
		bool quoted = *s == '\\' && s[1];

		s += quoted;
		if (quoted || *s != ' ')
			end = s + 1;
	}
	*end = '\0';
}

static void rule_add(struct ignore *i, char *line)
{
	struct rule r = {0};
	size_t n;

	trim_spaces(line);
	if (*line == '!') {
		r.negated = true;
		line++;
	}
	n = strlen(line);
	if (n > 0 && line[n - 1] == '/') {
		r.dirs = true;
		line[--n] = '\0';
	}
	if (n == 0)
		return;
	r.anchored = strchr(line, '/');
	r.pattern = xstrdup(line + (*line == '/'));
	r.literal = strcspn(r.pattern, "*?[\\");
	if (i->n == i->cap) {
		i->cap = i->cap ? i->cap * 2 : 8;
		i->rules = xrealloc(i->rules, i->cap * sizeof(*i->rules));
	}
	i->rules[i->n++] = r;
}

static void rules_parse(struct ignore *i, char *data)
{
	char *next;

	if (!strncmp(data, "\xef\xbb\xbf", 3))
		data += 3;
	for (; data; data = next) {
		next = strchr(data, '\n');
		if (next) {
			*next = '\0';
			if (next > data && next[-1] == '\r')
				next[-1] = '\0';
			next++;
		}
		if (*data && *data != '#')
			rule_add(i, data);
	}
}

static void rules_read(struct ignore *i, const char *file)
{
	struct stat st;
	char *data;

	if (lstat(file, &st) < 0 || !S_ISREG(st.st_mode) ||
	    file_read(file, &data, NULL, NULL) < 0)
		return;
	rules_parse(i, data);
	free(data);
}

/* --- chains -------------------------------------------------------------- */

static struct ignore *chain_new(const char *base, struct ignore *above,
				struct ignore *user)
{
	struct ignore *i = xcalloc(1, sizeof(*i));

	i->refs = 1;
	i->base = xstrdup(base);
	i->skip = strlen(base) + !ends_with(base, "/");
	i->above = above ? ignore_ref(above) : NULL;
	i->user = user ? ignore_ref(user) : NULL;
	return i;
}

static struct ignore *user_of(struct ignore *i)
{
	return i->user ? i->user : i;
}

struct ignore *ignore_new(const char *root, const char *const *patterns)
{
	struct ignore *i = chain_new(root, NULL, NULL);

	for (; patterns && *patterns; patterns++) {
		char *line = xstrdup(*patterns);

		rule_add(i, line);
		free(line);
	}
	return i;
}

struct ignore *ignore_repository(struct ignore *any, const char *top,
				 const char *common)
{
	struct ignore *i = chain_new(top, NULL, user_of(any));
	char *file = path_join(common, "info/exclude");

	rules_read(i, file);
	free(file);
	return i;
}

struct ignore *ignore_enter(struct ignore *above, const char *dir)
{
	struct ignore *i = chain_new(dir, above, user_of(above));
	char *file = path_join(dir, ".gitignore");

	rules_read(i, file);
	free(file);
	if (i->n > 0)
		return i;
	ignore_unref(i);
	return ignore_ref(above);
}

struct ignore *ignore_ref(struct ignore *i)
{
	i->refs++;
	return i;
}

void ignore_unref(struct ignore *i)
{
	if (!i || --i->refs > 0)
		return;
	for (size_t k = 0; k < i->n; k++)
		free(i->rules[k].pattern);
	free(i->rules);
	free(i->base);
	ignore_unref(i->above);
	ignore_unref(i->user);
	free(i);
}

/* --- asking -------------------------------------------------------------- */

/* Like git, an anchored pattern sheds its literal start before the globs are
 * looked at, so "b" and two stars and "/x" also fits "bx". */
static bool rule_fits(const struct rule *r, const struct ignore *i,
		      const char *path)
{
	const char *text = path + i->skip;

	if (!r->anchored)
		return glob_match(r->pattern, path_base(path));
	return !strncmp(r->pattern, text, r->literal) &&
	       glob_match(r->pattern + r->literal, text + r->literal);
}

/* 1: ignored, 0: brought back, -1: no opinion. The user's rules are asked of
 * folders above the root too, of which they say nothing. */
static int rules_judge(const struct ignore *i, const char *path, bool dir)
{
	if (strlen(path) < i->skip)
		return -1;
	for (size_t k = i->n; k-- > 0;) {
		const struct rule *r = &i->rules[k];

		if ((dir || !r->dirs) && rule_fits(r, i, path))
			return !r->negated;
	}
	return -1;
}

bool ignore_match(const struct ignore *i, const char *path, bool dir)
{
	int r;

	if (ignore_name(path_base(path), dir))
		return true;
	r = i->user ? rules_judge(i->user, path, dir) : -1;
	for (; i && r < 0; i = i->above)
		r = rules_judge(i, path, dir);
	return r > 0;
}
