/* SPDX-License-Identifier: MIT
 *
 * What tests/target/code*.py run: a program that does to its own module "work"
 * what a line on stdin says, and answers with a line.
 */
#include <fcntl.h>
#include <hotwatch/code.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int work(int x);
int more(int x);
void stay(atomic_int *stop);

static atomic_int stop, staying;
static pthread_t thread;
static _Atomic hw_pid process;
static struct hw_code_prepared *prepared;
static struct hw_code_item items[8];
static int nitems;
static char words[16][4096];
static int nwords;
int (*volatile more_pointer)(int);

static void answer(long r)
{
	if (r < 0)
		printf("%s: %s\n", hw_code_reason((int)r), hw_code_error());
	else
		printf("%ld\n", r);
}

static void left(void *arg)
{
	(void)arg;
	atomic_fetch_sub(&staying, 1);
}

static void *foreign(void *arg)
{
	(void)arg;
	atomic_fetch_add(&staying, 1);
	pthread_cleanup_push(left, NULL);
	stay(&stop);
	pthread_cleanup_pop(1);
	return NULL;
}

static void ours(void *arg)
{
	foreign(arg);
}

static void wait_for(int n)
{
	while (atomic_load(&staying) != n)
		usleep(100);
}

/* --- processes ------------------------------------------------------------ */

static int told[2];
static void (*to_watch)(void *);

/* Tells the main thread why a process ended that ran FN. */
static void watcher(void *arg)
{
	struct hw_spawn_options o = {.monitor = &(hw_ref){0}};
	struct hw_message *m;

	(void)arg;
	process = hw_spawn_opt(to_watch, NULL, &o);
	m = hw_receive(-1);
	if (write(told[1], m->reason, strlen(m->reason) + 1) < 0)
		stop = 1;
	hw_message_free(m);
}

static void reason_answer(void)
{
	char reason[HW_REASON_MAX] = "";

	if (read(told[0], reason, sizeof(reason)) < 0)
		stop = 1;
	printf("%s\n", reason);
}

/* A process that lets nobody end it. */
static void stubborn(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	foreign(arg);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
}

static void in_child(const char *file)
{
	int status = -1, r[3];
	pid_t pid = fork();

	if (pid == 0) {
		r[0] = hw_code_load_abs("work", file);
		r[1] = work(0);
		r[2] = hw_code_soft_purge("work");
		dprintf(1, "%s %d %d\n", hw_code_reason(r[0]), r[1], r[2]);
		_exit(0);
	}
	waitpid(pid, &status, 0);
}

static void call_more(void *arg)
{
	(void)arg;
	more(1);
}

static void watch(void (*fn)(void *))
{
	to_watch = fn;
	process = 0;
	if (pipe(told) < 0 || !hw_spawn(watcher, NULL))
		stop = 1;
	while (!process)
		usleep(100);
}

static void hold(int with_process)
{
	atomic_store(&stop, 0);
	if (with_process)
		watch(ours);
	else
		pthread_create(&thread, NULL, foreign, NULL);
	wait_for(1);
	answer(0);
}

static void let_go(void)
{
	atomic_store(&stop, 1);
	wait_for(0);
	if (thread)
		pthread_join(thread, NULL);
	thread = 0;
	answer(0);
}

static void items_read(void)
{
	nitems = 0;
	for (int i = 1; i + 1 < nwords; i += 2)
		items[nitems++] =
		    (struct hw_code_item){.module = words[i],
					  .file = strcmp(words[i + 1], "-")
						      ? words[i + 1]
						      : NULL};
}

static void items_answer(int r)
{
	printf("%s", hw_code_reason(r));
	for (int i = 0; i < nitems; i++)
		printf(" %s", hw_code_reason(items[i].error));
	printf("\n");
}

static void binary(const char *module, const char *file)
{
	static char data[1 << 20];
	int fd = open(file, O_RDONLY);
	ssize_t n = read(fd, data, sizeof(data));

	close(fd);
	answer(hw_code_load_binary(module, "/a/name", data, (size_t)n));
	memset(data, 0, sizeof(data)); /* full of addresses */
}

static void file_answer(int r, const char *file)
{
	if (r == 1)
		printf("%s\n", file);
	else
		answer(r);
}

static void *call_in_thread(void *arg)
{
	(void)arg;
	return (void *)(long)work(1);
}

static void crowd(int n)
{
	pthread_t t[64];
	long first = -1, same = 0;

	for (int i = 0; i < n; i++)
		pthread_create(&t[i], NULL, call_in_thread, NULL);
	for (int i = 0; i < n; i++) {
		void *r;

		pthread_join(t[i], &r);
		first = first < 0 ? (long)r : first;
		same += first == (long)r;
	}
	printf("%ld %ld\n", first, same);
}

static void undef_handler(const char *module, const char *function)
{
	printf("handler %s %s\n", module, function);
	fflush(stdout);
	_exit(9);
}

static int is(const char *word)
{
	return !strcmp(words[0], word);
}

static void ask(void)
{
	char file[4096] = "", *m = words[1];
	struct hw_code_module all[8];

	if (is("is_loaded"))
		file_answer(hw_code_is_loaded(m, file, sizeof(file)), file);
	else if (is("which"))
		file_answer(hw_code_which(m, file, sizeof(file)), file);
	else if (is("status"))
		answer(hw_code_module_status(m));
	else if (is("old"))
		answer(hw_check_old_code(m));
	else if (is("check"))
		answer(hw_check_process_code(process, m));
	else if (is("all"))
		answer(hw_code_all_loaded(all, 8));
	else if (is("stick"))
		answer(hw_code_stick_dir(m));
	else if (is("unstick"))
		answer(hw_code_unstick_dir(m));
	else if (is("is_sticky"))
		answer(hw_code_is_sticky(m));
	else if (is("path"))
		answer(hw_code_add_path(m));
	else
		printf("?\n");
}

static void change(void)
{
	char *m = words[1];

	if (is("load_file"))
		answer(hw_code_load_file(m));
	else if (is("load_abs"))
		answer(hw_code_load_abs(m, words[2]));
	else if (is("load_binary"))
		binary(m, words[2]);
	else if (is("ensure"))
		answer(hw_code_ensure_loaded(m));
	else if (is("soft"))
		answer(hw_code_soft_purge(m));
	else if (is("purge"))
		answer(nwords > 2
			   ? hw_code_purge_deadline(m, (unsigned)atoi(words[2]))
			   : hw_code_purge(m));
	else if (is("delete"))
		answer(hw_code_delete(m));
	else if (is("rollback"))
		answer(hw_code_rollback(m, atoi(words[2])));
	else
		ask();
}

static void sets(void)
{
	if (is("atomic")) {
		items_read();
		items_answer(hw_code_atomic_load(items, (size_t)nitems));
	} else if (is("ensure_all")) {
		items_read();
		items_answer(
		    hw_code_ensure_modules_loaded(items, (size_t)nitems));
	} else if (is("prepare")) {
		items_read();
		items_answer(
		    hw_code_prepare_loading(items, (size_t)nitems, &prepared));
	} else if (is("finish")) {
		items_answer(hw_code_finish_loading(prepared));
	} else if (is("free")) {
		hw_code_prepared_free(prepared);
		answer(0);
	} else {
		change();
	}
}

static void serve(void)
{
	if (is("work"))
		answer(work(1));
	else if (is("more"))
		answer(more(1));
	else if (is("more_pointer"))
		answer(more_pointer ? more_pointer(1)
				    : (more_pointer = more, 0));
	else if (is("forget"))
		answer((more_pointer = NULL, 0));
	else if (is("crowd"))
		crowd(atoi(words[1]));
	else if (is("hold"))
		hold(0);
	else if (is("spawn"))
		hold(1);
	else if (is("stubborn"))
		stop = 0, watch(stubborn), wait_for(1), answer(0);
	else if (is("fork"))
		in_child(words[1]);
	else if (is("monitored_more"))
		watch(call_more), reason_answer();
	else if (is("reason"))
		reason_answer();
	else if (is("alive"))
		answer(hw_is_alive(process));
	else if (is("let_go"))
		let_go();
	else if (is("handler"))
		answer((hw_code_set_undef_handler(undef_handler), 0));
	else
		sets();
}

int main(void)
{
	static char line[65536];

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), stdin)) {
		char *save, *w = strtok_r(line, " \n", &save);

		for (nwords = 0; w && nwords < 16;
		     w = strtok_r(NULL, " \n", &save))
			snprintf(words[nwords++], sizeof(words[0]), "%s", w);
		serve();
	}
	return 0;
}
