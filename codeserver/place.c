/* SPDX-License-Identifier: MIT
 *
 * An image is mapped where it was linked for, so its place must be free; and
 * who has it otherwise is the first thing that one asks: an older version that
 * the dynamic linker did not unmap, or a mapping of the program's. The kernel
 * says so now, and would not later.
 */
#include "codeserver/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int place_try(uintptr_t at, size_t size)
{
	void *p = mmap((void *)at, size, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			   MAP_FIXED_NOREPLACE,
		       -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	munmap(p, size);
	return p == (void *)at ? 0 : -EEXIST; /* a kernel before 4.17 */
}

/* Of a line of maps: the file's name, or what the kernel says instead. */
static void words_take(char *line, uintptr_t from, uintptr_t to, char *words,
		       size_t max)
{
	char *name = strpbrk(line, "/[");

	line[strcspn(line, "\n")] = '\0';
	snprintf(words, max, "%#lx-%#lx %s", (unsigned long)from,
		 (unsigned long)to, name ? name : "without a name");
}

void place_taken_by(uintptr_t at, size_t size, char *words, size_t max)
{
	int e = place_try(at, size);
	FILE *maps = fopen("/proc/self/maps", "re");
	uintptr_t from, to = 0;
	char line[4200];

	snprintf(words, max, "%s", e ? strerror(-e) : "gone meanwhile");
	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &from, &to) != 2 || to <= at)
			continue;
		if (from < at + size)
			words_take(line, from, to, words, max);
		break;
	}
	if (maps)
		fclose(maps);
}
