/* SPDX-License-Identifier: MIT
 *
 * See nearest.h. A suggestion is better left out than wrong: a word is near
 * only if at most a third of it is mistyped, or if it begins with what was
 * typed (an abbreviation).
 */
#include "watcher/nearest.h"

#include <string.h>

#include "watcher/util.h"

#define LONGEST 63

static size_t min2(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t nearest_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), d[LONGEST + 1][LONGEST + 1];

	if (n > LONGEST || m > LONGEST)
		return LONGEST;
	for (size_t i = 0; i <= n; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			size_t change =
			    d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			d[i][j] =
			    min2(change, 1 + min2(d[i - 1][j], d[i][j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d[i][j] = min2(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[n][m];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	size_t typed = strlen(n->word), far = 1 + typed / 3;
	size_t d = nearest_distance(n->word, candidate);

	if (typed >= 2 && starts_with(candidate, n->word))
		d = 1;
	if (d > far || d >= typed || (n->best && d >= n->distance))
		return;
	n->best = candidate;
	n->distance = d;
}
