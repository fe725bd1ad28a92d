/* SPDX-License-Identifier: MIT
 *
 * held.c and held-words.c: names for what a target says in addresses, and the
 * words that every screen has for it.
 */
#include "tests/unit/elf-symbol.h"
#include "tests/unit/scratch.h"
#include "watcher/held.h"
#include "watcher/jsonget.h"
#include "watcher/report.h"

#include <stdlib.h>
#include <sys/wait.h>

static const char source[] =
    "int wait_for(void);\n"
    "__attribute__((noinline)) void receive(void) { wait_for(); wait_for(); }\n"
    "__attribute__((noinline)) void loop(void) { for (;;) receive(); }\n"
    "void start(void) { loop(); wait_for(); }\n"
    "int main(void) { for (;;) receive(); }\n";

static char *dir, *object;

static void compile(void)
{
	char *c = xasprintf("%s/code.c", dir);
	char *hot = xasprintf("%s/p.hot", dir);
	char *argv[] = {"clang-19", "-O1",  "-g", "-shared", "-fPIC",
			"-o",       object, c,    NULL};
	int status = -1;
	pid_t pid;

	make_dirs(hot, 0777, NULL);
	file_write(c, source, strlen(source), NULL);
	pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	CHECK_INT_EQ(status, 0);
	free(hot);
	free(c);
}

/* A frame in NAME, as a target says it: past a call in it. */
static cJSON *frame(const char *name)
{
	cJSON *o = cJSON_CreateObject();
	char at[32];

	snprintf(at, sizeof(at), "%#llx",
		 (unsigned long long)elf_symbol(object, name, NULL) + 6);
	cJSON_AddStringToObject(o, "address", at);
	cJSON_AddStringToObject(o, "offset", at);
	cJSON_AddStringToObject(o, "object", object);
	return o;
}

/* A thread that is in NAMES, the innermost first. */
static cJSON *thread_in(const char *const *names)
{
	cJSON *h = frame(names[0]), *frames;

	cJSON_AddStringToObject(h, "id", "1");
	cJSON_AddStringToObject(h, "kind", "frame");
	cJSON_AddStringToObject(h, "module", "code");
	cJSON_AddNumberToObject(h, "version", 2);
	cJSON_AddNumberToObject(h, "tid", 70);
	cJSON_AddStringToObject(h, "thread", "worker");
	cJSON_AddBoolToObject(h, "looping", true);
	frames = cJSON_AddArrayToObject(h, "frames");
	for (; *names; names++)
		cJSON_AddItemToArray(frames, frame(*names));
	return h;
}

static void expect_hint(const char *const *names, const char *hint)
{
	struct symbolizer *s = symbolizer_new();
	cJSON *h = thread_in(names);

	held_name(s, h, NULL);
	CHECK_STR_HAS(json_str(h, "hint"), hint);
	cJSON_Delete(h);
	symbolizer_free(s);
}

static void loop_is_the_outermost_but_where_the_thread_began(void)
{
	const char *const thread[] = {"receive", "loop", "start", NULL};
	const char *const alone[] = {"loop", NULL};
	const char *const in_main[] = {"main", NULL};

	expect_hint(thread, "loop (code.c:3) stays in v2: where its next round "
			    "begins, call HOT(loop)(...)");
	expect_hint(alone, "call HOT(loop)(...)");
	expect_hint(in_main, "main (code.c:5) stays in v2 for good");
}

static void expect_phrase(const char *json, int pid, const char *wanted)
{
	cJSON *o = cJSON_Parse(json);
	struct text t = {0};

	if (!CHECK(o != NULL))
		return;
	held_phrase(&t, o, pid);
	CHECK_STR_EQ(t.s, wanted);
	text_free(&t);
	cJSON_Delete(o);
}

static void every_kind_of_holder_has_a_phrase(void)
{
	expect_phrase("{\"kind\": \"frame\", \"tid\": 7, \"thread\": \"p\","
		      " \"function\": \"f\", \"file\": \"/a/b.c\","
		      " \"line\": 3}",
		      7, "main thread in f (b.c:3)");
	expect_phrase("{\"kind\": \"frame\", \"tid\": 8, \"thread\": \"io\","
		      " \"function\": \"f\", \"inlined_into\": \"g\"}",
		      7, "thread io (8) in f, inlined into g");
	expect_phrase("{\"kind\": \"frame\", \"tid\": 8, \"process\": 3,"
		      " \"process_name\": \"n\", \"object\": \"/x/y.so\","
		      " \"offset\": \"0x10\"}",
		      7, "process 3 (n) in y.so at 0x10");
	expect_phrase("{\"kind\": \"unknown\", \"tid\": 8, \"thread\": \"t\","
		      " \"message\": \"it blocks every signal\"}",
		      7, "thread t (8): it blocks every signal");
	expect_phrase("{\"kind\": \"pointer\", \"where\": \"data\","
		      " \"variable\": \"table[3].fn\", \"points_to\": \"f\"}",
		      7, "table[3].fn, which points to f");
	expect_phrase("{\"kind\": \"pointer\", \"where\": \"heap\","
		      " \"at\": \"0x55\"}",
		      7, "heap at 0x55");
	expect_phrase("{\"kind\": \"pointer\", \"where\": \"stack\","
		      " \"tid\": 7}",
		      7, "main thread in a word of its stack");
}

static void many_holders_are_counted(void)
{
	cJSON *list = cJSON_CreateArray(), *o;
	struct text t = {0};

	for (int i = 0; i < 5; i++) {
		o = cJSON_CreateObject();
		cJSON_AddNumberToObject(o, "process", i + 1);
		cJSON_AddStringToObject(o, "kind", "frame");
		cJSON_AddStringToObject(o, "function", "f");
		cJSON_AddItemToArray(list, o);
	}
	held_phrases(&t, list, 1);
	CHECK_STR_EQ(t.s, "process 1 in f and 4 more");
	text_free(&t);
	cJSON_Delete(list);
}

static void expect_line(const char *json, const char *wanted)
{
	static const struct ui plain;
	cJSON *event = cJSON_Parse(json);
	struct text t = {0};

	if (!CHECK(event != NULL))
		return;
	report_event(&t, &plain, event, false);
	CHECK_STR_EQ(t.len ? t.s : "", wanted);
	text_free(&t);
	cJSON_Delete(event);
}

static void events_about_old_code_are_a_line_or_none(void)
{
	expect_line("{\"kind\": \"held\", \"modules\": [\"m\"],"
		    " \"version\": 2, \"targets\": [{\"pid\": 1}, {\"pid\":"
		    " 2}], \"message\": \"main thread in f (m.c:3)\"}",
		    "m v2 held by main thread in f (m.c:3) in 2 processes\n");
	expect_line("{\"kind\": \"held\", \"modules\": [\"m\"],"
		    " \"version\": 2, \"targets\": [], \"message\": \"x\","
		    " \"hint\": \"f stays\", \"holders\": [{\"process\": 4,"
		    " \"hint\": \"f stays\"}]}",
		    "m v2 still held after 5 s by process 4: f stays\n");
	expect_line("{\"kind\": \"purged\", \"modules\": [\"m\"],"
		    " \"version\": 1, \"was_held\": true, \"fates\":"
		    " [{\"version\": 1, \"outcome\": \"fenced\","
		    " \"kept\": 4096, \"killed\": [3, 4]}]}",
		    "m v1 purged, but for 4 kB that are pointed to; 2 "
		    "processes were killed\n");
	expect_line("{\"kind\": \"purged\", \"modules\": [\"m\"],"
		    " \"version\": 1, \"was_held\": false, \"fates\":"
		    " [{\"version\": 1, \"outcome\": \"unmapped\"}]}",
		    "");
	expect_line("{\"kind\": \"exited\", \"modules\": [], \"message\":"
		    " \"killed\", \"exits\": [{\"process\": 3, \"name\":"
		    " \"n\"}]}",
		    "process 3 (n) ended: killed\n");
}

static const struct check tests[] = {
    {"the loop is the outermost function, but where the thread began",
     loop_is_the_outermost_but_where_the_thread_began},
    {"every kind of holder has a phrase", every_kind_of_holder_has_a_phrase},
    {"many holders are counted", many_holders_are_counted},
    {"events about old code are a line, or none",
     events_about_old_code_are_a_line_or_none},
};

int main(int argc, char **argv)
{
	int status;

	dir = scratch_new("hw-held");
	object = xasprintf("%s/p.hot/code.so", dir);
	compile();
	status =
	    check_main(tests, ARRAY_SIZE(tests), argc > 1 ? argv[1] : NULL);
	scratch_remove(dir);
	free(object);
	return status;
}
