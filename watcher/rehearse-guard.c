/* SPDX-License-Identifier: MIT
 *
 * The program of a rehearsal, and where it dies.
 *
 * A process of its own starts the program and traces it: it lets every signal
 * through, but notes where a thread was when one came that may end it. A core
 * file would need the machine's settings, a handler in the program would be in
 * its way. All that the program starts is traced too, so it may go into the
 * background, or be started by a shell.
 *
 * The place is where the thread was, if that is hot code; else the innermost
 * word on its stack that points into hot code: abort() is called by someone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "codeserver/descriptor.h"
#include "watcher/rehearse.h"

#define END_MS 3000 /* that a program has after SIGTERM */
#define STACK_WORDS 8192

/* --- the guard's own process ---------------------------------------------- */

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};

static bool is_fatal(int signal)
{
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		if (fatal[i] == signal)
			return true;
	return false;
}

/* The process of thread TID. */
static int process_of(pid_t tid)
{
	char path[64], *s, *text = NULL;
	int pid = tid;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	if (file_read(path, &text, NULL, NULL) == 0 &&
	    (s = strstr(text, "\nTgid:")) != NULL)
		pid = (int)strtol(s + 6, NULL, 10);
	free(text);
	return pid;
}

/* The object that is mapped executable at ADDR; "" if none is. */
static void object_at(int pid, unsigned long addr, char object[4096])
{
	char path[64], line[4600], mode[8];
	unsigned long from, to;
	FILE *maps;
	int at;

	object[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	while (maps && !object[0] && fgets(line, sizeof(line), maps)) {
		at = 0;
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %n", &from, &to, mode,
			   &at) < 3 ||
		    !at || addr < from || addr >= to || mode[2] != 'x')
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(object, 4096, "%s", line + at);
	}
	if (maps)
		fclose(maps);
}

static bool is_hot(unsigned long addr)
{
	return addr - HW_ARENA_BASE < HW_ARENA_SIZE - HW_ARENA_OWN;
}

/* Where thread TID of process PID is, as said at the head. */
static unsigned long place_of(int pid, pid_t tid)
{
	static unsigned long words[STACK_WORDS];
	struct user_regs_struct regs;
	struct iovec to = {words, sizeof(words)}, from;
	char object[4096];
	ssize_t n;

	if (ptrace(PTRACE_GETREGS, tid, NULL, &regs) < 0)
		return 0;
	object_at(pid, regs.rip, object);
	if (is_hot(regs.rip) && object[0])
		return regs.rip;
	from = (struct iovec){(void *)regs.rsp, sizeof(words)};
	while ((n = process_vm_readv(pid, &to, 1, &from, 1, 0)) < 0 &&
	       from.iov_len > 4096)
		from.iov_len /= 2; /* the stack ends before */
	for (ssize_t i = 0; i < n / 8; i++) {
		if (!is_hot(words[i]))
			continue;
		object_at(pid, words[i], object);
		if (object[0])
			return words[i] - 1; /* a return address */
	}
	return 0;
}

static void note(int notes, pid_t tid, int signal)
{
	struct guard_death d = {.pid = process_of(tid), .signal = signal};

	d.offset = place_of(d.pid, tid);
	if (d.offset)
		object_at(d.pid, d.offset, d.object);
	if (write(notes, &d, sizeof(d)) < 0)
		errno = 0; /* the place is not known then */
}

/* A traced thread has stopped: it goes on with what stopped it. */
static void stopped(int notes, pid_t tid, int status)
{
	int signal = WSTOPSIG(status);

	if (status >> 16 == PTRACE_EVENT_STOP) {
		bool group = signal == SIGSTOP || signal == SIGTSTP ||
			     signal == SIGTTIN || signal == SIGTTOU;

		ptrace(group ? PTRACE_LISTEN : PTRACE_CONT, tid, NULL, NULL);
		return;
	}
	if (status >> 16)
		signal = 0; /* a fork, a clone, an exec */
	else if (is_fatal(signal))
		note(notes, tid, signal);
	ptrace(PTRACE_CONT, tid, NULL, (void *)(long)signal);
}

/* Ends as PID, the first, has ended; when all have. */
static void watch(int notes, pid_t pid)
{
	int status, first = 0;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (tid > 0 && WIFSTOPPED(status))
			stopped(notes, tid, status);
		else if (tid == pid)
			first = status;
	}
	_exit(WIFEXITED(first) ? WEXITSTATUS(first) : 128 + WTERMSIG(first));
}

static void become(char *const *argv, const char *said, const int go[2])
{
	int out = open(said, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	close(go[1]);
	while (read(go[0], &c, 1) < 0 && errno == EINTR)
		; /* until it is traced */
	execv(argv[0], argv);
	_exit(127);
}

static void guard_main(char *const *argv, const char *said, int notes)
{
	const long options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
			     PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC |
			     PTRACE_O_EXITKILL;
	sigset_t none;
	int go[2];
	pid_t pid;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* a daemon is still ours */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (pipe2(go, O_CLOEXEC) < 0)
		_exit(127);
	pid = fork();
	if (pid == 0)
		become(argv, said, go);
	signal(SIGTERM, SIG_IGN); /* it is the program that is told to end */
	/* where it may not be, places are not known, and that is all */
	ptrace(PTRACE_SEIZE, pid, NULL, (void *)options);
	close(go[1]);
	close(go[0]);
	watch(notes, pid);
}

/* --- for who started it --------------------------------------------------- */

int guard_start(struct guard *g, char *const *argv, const char *said,
		char **err)
{
	int notes[2];

	if (pipe2(notes, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail(err, "pipe: %s", strerror(errno));
	*g = (struct guard){.notes = notes[0], .said = xstrdup(said)};
	g->pid = fork();
	if (g->pid == 0)
		guard_main(argv, said, notes[1]);
	close(notes[1]);
	if (g->pid > 0) {
		setpgid(g->pid, g->pid);
		return 0;
	}
	g->pid = 0;
	return fail(err, "fork: %s", strerror(errno));
}

bool guard_ended(struct guard *g)
{
	int status;

	if (!g->pid)
		return true;
	if (waitpid(g->pid, &status, WNOHANG) != g->pid)
		return false;
	g->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + SIGKILL;
	g->pid = 0;
	return true;
}

/* The last note counts: a handler may have survived earlier ones. */
bool guard_death(struct guard *g, int pid, struct guard_death *d)
{
	struct guard_death next;
	bool found = false;

	while (read(g->notes, &next, sizeof(next)) == sizeof(next)) {
		if (next.pid != pid)
			continue;
		*d = next;
		found = true;
	}
	return found;
}

static bool ends_in(struct guard *g, int ms)
{
	const struct timespec nap = {.tv_nsec = 5000000};

	for (; !guard_ended(g); ms -= 5) {
		if (ms <= 0)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

void guard_end(struct guard *g)
{
	if (!guard_ended(g)) {
		kill(-g->pid, SIGTERM);
		if (!ends_in(g, END_MS)) {
			kill(-g->pid, SIGKILL);
			waitpid(g->pid, NULL, 0);
		}
	}
	if (g->notes >= 0)
		close(g->notes);
	free(g->said);
}
