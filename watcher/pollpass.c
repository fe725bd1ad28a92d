/* SPDX-License-Identifier: MIT
 *
 * One look at every file.
 *
 * Only a hash of what stat tells is kept of a file. A file whose change time
 * is so young that another write might leave it the same is told once more by
 * the next run; listeners compare content. Paths are kept whole: a removal must
 * be told by name.
 */
#include "watcher/pollpass.h"

#include "watcher/watch-rules.h"

#include <dirent.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define YOUNG 50000000ll /* ns */

struct poll_file {
	struct poll_file *next;
	uint64_t mark;
	uint32_t pass;
	bool young;
	char path[];
};

/* --- which file systems -------------------------------------------------- */

static const struct {
	unsigned long magic;
	const char *kind, *mount;
} kinds[] = {
    {NFS_SUPER_MAGIC, "NFS", "nfs"},
    {NFS_SUPER_MAGIC, "NFS", "nfs4"},
    {V9FS_MAGIC, "9p", "9p"},
    {FUSE_SUPER_MAGIC, "FUSE", "fuse"},
    {SMB_SUPER_MAGIC, "SMB", "smb"},
    {CIFS_SUPER_MAGIC, "SMB", "cifs"},
    {SMB2_SUPER_MAGIC, "SMB", "smb3"},
    {CEPH_SUPER_MAGIC, "Ceph", "ceph"},
    {AFS_SUPER_MAGIC, "AFS", "afs"},
    {CODA_SUPER_MAGIC, "Coda", "coda"},
    {0x786f4256, "VirtualBox", "vboxsf"},
    {0xbacbacbc, "VMware", "vmhgfs"},
};

bool pollpass_needed(const char *path, const char **kind)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if ((unsigned long)(uint32_t)fs.f_type != kinds[i].magic)
			continue;
		if (kind)
			*kind = kinds[i].kind;
		return true;
	}
	return false;
}

bool pollpass_mount_needs(const char *type)
{
	if (starts_with(type, "fuse."))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(type, kinds[i].mount))
			return true;
	return false;
}

/* --- the table of files -------------------------------------------------- */

static struct poll_file **file_slot(struct pollpass *p, const char *path)
{
	uint64_t h = fnv1a64(path, strlen(path));
	struct poll_file **f = &p->buckets[h & (p->nbuckets - 1)];

	while (*f && strcmp((*f)->path, path) != 0)
		f = &(*f)->next;
	return f;
}

static void files_grow(struct pollpass *p)
{
	struct poll_file **old = p->buckets, *f, *next;
	size_t n = p->nbuckets;

	p->nbuckets = n ? n * 2 : 256;
	p->buckets = xcalloc(p->nbuckets, sizeof(struct poll_file *));
	for (size_t i = 0; i < n; i++) {
		for (f = old[i]; f; f = next) {
			next = f->next;
			f->next = NULL;
			*file_slot(p, f->path) = f;
		}
	}
	free(old);
}

static uint64_t stat_mark(const struct stat *st)
{
	uint64_t v[] = {st->st_ino,          st->st_dev,
			st->st_size,         st->st_mtim.tv_sec,
			st->st_mtim.tv_nsec, st->st_ctim.tv_sec,
			st->st_ctim.tv_nsec};

	return fnv1a64(v, sizeof(v));
}

static bool is_young(const struct stat *st)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (now.tv_sec - st->st_ctim.tv_sec) * 1000000000ll +
		   (now.tv_nsec - st->st_ctim.tv_nsec) <
	       YOUNG;
}

static void file_look(struct pollpass *p, const char *path,
		      const struct stat *st)
{
	uint64_t mark = stat_mark(st);
	struct poll_file **slot, *f;
	bool news;

	if (p->n >= p->nbuckets)
		files_grow(p);
	slot = file_slot(p, path);
	f = *slot;
	news = !f || f->mark != mark || f->young;
	if (!f) {
		f = xcalloc(1, sizeof(*f) + strlen(path) + 1);
		memcpy(f->path, path, strlen(path) + 1);
		*slot = f;
		p->n++;
	}
	f->mark = mark;
	f->pass = p->number;
	f->young = is_young(st);
	if (news && !p->quiet)
		strv_add(&p->written, path);
}

static void files_sweep(struct pollpass *p)
{
	for (size_t i = 0; i < p->nbuckets; i++) {
		struct poll_file **slot = &p->buckets[i], *f;

		while ((f = *slot)) {
			if (f->pass == p->number) {
				slot = &f->next;
				continue;
			}
			strv_add(&p->gone, f->path);
			*slot = f->next;
			free(f);
			p->n--;
		}
	}
}

/* --- one pass ------------------------------------------------------------ */

static void folder_look(struct pollpass *p, const char *dir,
			struct ignore *above, bool deep, bool top);

static void entry_look(struct pollpass *p, const char *path,
		       struct ignore *rules, bool deep)
{
	struct stat st;
	bool dir;

	if (lstat(path, &st) < 0)
		return;
	dir = S_ISDIR(st.st_mode);
	if (deep ? ignore_match(rules, path, dir)
		 : ignore_name(path_base(path), dir))
		return;
	if (dir && deep)
		folder_look(p, path, rules, deep, false);
	else if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
		file_look(p, path, &st);
}

static bool has(const char *dir, const char *name)
{
	char *path = path_join(dir, name);
	bool there = file_exists(path);

	free(path);
	return there;
}

static void folder_look(struct pollpass *p, const char *dir,
			struct ignore *above, bool deep, bool top)
{
	bool git = deep && has(dir, ".git");
	bool rules = deep && has(dir, ".gitignore");
	struct ignore *i = rules_folder(above, dir, git && !top, rules);
	DIR *d = opendir(dir);
	struct dirent *e;

	if (git)
		strv_add(&p->gits, dir);
	while (d && (e = readdir(d))) {
		char *path;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		path = path_join(dir, e->d_name);
		entry_look(p, path, i, deep);
		free(path);
	}
	if (d)
		closedir(d);
	ignore_unref(i);
}

static void root_look(struct pollpass *p, struct poll_root *r)
{
	struct ignore *user, *above;
	char *top = NULL;

	user = ignore_new(p->base, (const char *const *)p->patterns);
	above = r->deep ? rules_root(user, r->path, &top) : ignore_ref(user);
	if (top)
		strv_add(&p->gits, top);
	p->quiet = r->fresh;
	folder_look(p, r->path, above, r->deep, true);
	r->fresh = false;
	free(top);
	ignore_unref(above);
	ignore_unref(user);
}

void pollpass_add(struct pollpass *p, const char *path, bool deep)
{
	for (size_t i = 0; i < p->nroots; i++)
		if (!strcmp(p->roots[i].path, path) && p->roots[i].deep == deep)
			return;
	p->roots = xrealloc(p->roots, (p->nroots + 1) * sizeof(*p->roots));
	p->roots[p->nroots++] = (struct poll_root){.path = xstrdup(path),
						   .deep = deep,
						   .fresh = true};
}

void pollpass_run(struct pollpass *p)
{
	p->number++;
	for (size_t i = 0; i < p->nroots; i++)
		root_look(p, &p->roots[i]);
	files_sweep(p);
}

void pollpass_free(struct pollpass *p)
{
	p->number++; /* so that all files are swept */
	files_sweep(p);
	for (size_t i = 0; i < p->nroots; i++)
		free(p->roots[i].path);
	free(p->roots);
	free(p->buckets);
	strv_free(&p->written);
	strv_free(&p->gone);
	strv_free(&p->gits);
}
