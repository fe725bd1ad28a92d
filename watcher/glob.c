/* SPDX-License-Identifier: MIT
 *
 * Shell patterns as .gitignore has them.
 *
 * fnmatch(3) was tried first: it has no "**", and its FNM_PATHNAME|FNM_PERIOD
 * rules differ from git's in brackets. This matcher follows gitignore(5) and
 * is held against `git check-ignore` by the tests, quirks included: "a**b" is
 * "a*b", an unclosed bracket matches nothing, a bracket never matches a slash.
 *
 * It backs up at stars. Two results besides yes and no keep that from being
 * exponential: when the text ran out before the pattern did, no star further
 * left can help; when a single star met a slash, only a "**" can.
 */
#include "watcher/glob.h"

#include <ctype.h>
#include <string.h>

enum fit {
	FITS,
	DIFFERS,    /* here; an earlier star may take more */
	STAR_ENDED, /* a slash stopped a star: only "**" may take more */
	TEXT_ENDED  /* nothing can help */
};

static enum fit fit(const char *pat, const char *text);

static const struct {
	const char *name;
	int (*has)(int c);
} classes[] = {
    {"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank},
    {"cntrl", iscntrl}, {"digit", isdigit}, {"graph", isgraph},
    {"lower", islower}, {"print", isprint}, {"punct", ispunct},
    {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
};

/* P is behind "[:". Moves it behind ":]"; -1: no such class. */
static int class_has(const char **p, unsigned char c)
{
	const char *end = strchr(*p, ']');
	size_t len;

	if (!end || end == *p || end[-1] != ':')
		return -1;
	len = end - 1 - *p;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (strlen(classes[i].name) != len ||
		    strncmp(classes[i].name, *p, len) != 0)
			continue;
		*p = end + 1;
		return classes[i].has(c) != 0;
	}
	return -1;
}

/* One member of a bracket: a class, a range or a character. -1: malformed. */
static int member_has(const char **p, unsigned char c)
{
	const char *s = *p;
	unsigned char low, high;

	if (s[0] == '[' && s[1] == ':' && strchr(s + 2, ']')) {
		*p = s + 2;
		return class_has(p, c);
	}
	if (*s == '\\')
		s++;
	low = high = *s;
	if (!low)
		return -1;
	s++;
	if (s[0] == '-' && s[1] && s[1] != ']') {
		s += s[1] == '\\' ? 2 : 1;
		high = *s;
		if (!high)
			return -1;
		s++;
	}
	*p = s;
	return low <= c && c <= high;
}

/* P is behind "[". Moves it behind "]"; -1: malformed, matches nothing. */
static int bracket_has(const char **p, unsigned char c)
{
	const char *s = *p;
	bool negated = *s == '!' || *s == '^', found = false;

	s += negated;
	for (const char *first = s; *s != ']' || s == first;) {
		int r = member_has(&s, c);

		if (r < 0)
			return -1;
		found |= r;
	}
	*p = s + 1;
	return found != negated && c != '/';
}

/* PAT is behind the star or stars; DEEP: they may take slashes. */
static enum fit fit_star(const char *pat, const char *text, bool deep)
{
	if (!*pat) {
		if (deep || !strchr(text, '/'))
			return FITS;
		return STAR_ENDED;
	}
	for (;; text++) {
		enum fit r = fit(pat, text);

		if (r == FITS || r == TEXT_ENDED || (r == STAR_ENDED && !deep))
			return r;
		if (!*text)
			return TEXT_ENDED;
		if (*text == '/' && !deep)
			return STAR_ENDED;
	}
}

/* PAT is at a star, START is where the pattern began. */
static enum fit fit_stars(const char *start, const char *pat, const char *text)
{
	const char *end = pat + strspn(pat, "*");
	bool left = pat == start || pat[-1] == '/';
	bool right = !*end || *end == '/' || !strncmp(end, "\\/", 2);
	bool deep = end - pat > 1 && left && right;

	/* "a/<stars>/b" also is "a/b": the stars and a slash take nothing. */
	if (deep && *end == '/' && fit(end + 1, text) == FITS)
		return FITS;
	return fit_star(end, text, deep);
}

static enum fit fit(const char *pat, const char *text)
{
	const char *start = pat;

	for (; *pat; text++) {
		int r;

		if (*pat == '*')
			return fit_stars(start, pat, text);
		if (!*text)
			return TEXT_ENDED;
		if (*pat == '?') {
			r = *text != '/';
			pat++;
		} else if (*pat == '[') {
			pat++;
			r = bracket_has(&pat, *text);
			if (r < 0)
				return TEXT_ENDED;
		} else {
			pat += *pat == '\\';
			r = *pat == *text;
			pat += *pat != '\0';
		}
		if (!r)
			return DIFFERS;
	}
	return *text ? DIFFERS : FITS;
}

bool glob_match(const char *pattern, const char *text)
{
	return fit(pattern, text) == FITS;
}
