#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 240
#
# What OTP's release_handler_SUITE holds and kv.sh, fails.sh and purges.sh do not
# show: many modules with many processes in one upgrade (otp_9395), and a
# supervisor that is given another specification (upgrade_supervisor), or one
# that is no good (upgrade_supervisor_fail).
. "$(dirname "$0")/../lib.sh"

modules=12 each=8
project p
cd p
cat >server.h <<-'END'
	#include <stdio.h>
	#include <stdlib.h>
	#include <hotwatch/gen_server.h>
	static void *server_init(void *arg)
	{
		struct state *s = calloc(1, sizeof(*s));

		(void)arg;
		s->n = 1;
		return s;
	}
	static int server_text(const void *state, char *text, size_t size)
	{
		return snprintf(text, size, "%s", text_of(state));
	}
	static void server_end(void *state, const char *reason)
	{
		(void)reason;
		free(state);
	}
END
for ((i = 0; i < modules; i++)); do
	cat >w$i.c <<-END
		struct state { int n; };
		static const char *text_of(const struct state *s)
		{
			return s->n == 1 ? "1 old" : "lost";
		}
		#include "server.h"
		HW_GEN_SERVER(w$i, .init = server_init, .sys = {.terminate = server_end,
			.state_text = server_text})
	END
done
{
	echo '#include <stdio.h>'
	echo '#include <hotwatch/supervisor.h>'
	for ((i = 0; i < modules; i++)); do
		echo "const struct hw_gen_server *w$i(void);"
	done
	echo 'hw_supervisor_init supervise;'
	echo 'static hw_gen_server_module *const all[] = {'
	for ((i = 0; i < modules; i++)); do
		echo "	w$i,"
	done
	cat <<-END
		};
		int main(void)
		{
			struct hw_spawn_options options = {.name = "top"};
			hw_pid pid;

			for (int i = 0; i < $modules * $each; i++)
				if (hw_gen_server_start(all[i % $modules], NULL, NULL, -1,
							&pid) < 0)
					return 1;
			if (hw_supervisor_start(supervise, NULL, &options, NULL) < 0)
				return 1;
			puts("started");
			fflush(stdout);
			return getchar() == EOF ? 0 : 1;
		}
	END
} >main.c
cat >top.c <<-'END'
	#include <hotwatch/supervisor.h>
	const struct hw_gen_server *w0(void);
	static int start(void *arg, hw_pid *pid)
	{
		(void)arg;
		return hw_gen_server_start(w0, NULL,
			&(struct hw_spawn_options){.link = true}, -1, pid);
	}
	int supervise(void *arg, struct hw_supervisor *s)
	{
		static const struct hw_child children[] = {
			{.id = "first", .start = start},
		};

		(void)arg;
		s->children = children;
		s->nchildren = sizeof(children) / sizeof(children[0]);
		return 0;
	}
END
printf '*\n!*.c\n!*.h\n' >.gitignore
commit() {
	git add -A
	git commit -qm "$1"
	git tag "$1"
}
commit v1
"$hw" cc -O1 -g -pthread main.c top.c w*.c -o p

step "every module's state has another layout"
for ((i = 0; i < modules; i++)); do
	replace w$i.c "int n;" "long more; int n;"
	replace w$i.c 's->n == 1 ? "1 old" : "lost"' \
		's->n == 1 && s->more == 2 ? "1 and 2" : "lost"'
	replace w$i.c "HW_GEN_SERVER" $'struct state_1 { int n; };
static int change(void **state, const struct hw_sys_change *c)
{
	struct state *s = calloc(1, sizeof(*s));
	struct state_1 *one = calloc(1, sizeof(*one));

	one->n = s->n = c->down ? ((struct state *)*state)->n
				: ((struct state_1 *)*state)->n;
	s->more = 2;
	free(*state);
	free(c->down ? (void *)s : (void *)one);
	*state = c->down ? (void *)one : (void *)s;
	return 0;
}
HW_MIGRATES;
HW_GEN_SERVER'
	replace w$i.c ".sys = {" ".sys = {.code_change = change, "
done
commit v2
replace top.c '{.id = "first", .start = start},' \
	'{.id = "first", .start = start}, {.id = "second", .start = start},'
commit v3
replace top.c "return 0;" "return -1;"
commit v4
release() { # release FROM TO [UP]: the file TO.json
	"$hw" check --git "$1..$2" p --write-release "$2.json" >/dev/null || true
	[ -s "$2.json" ] || fail "no release $2"
}
release v1 v2
expect_eq "modules that are updated, as one" "$(jq '.up | length' v2.json) $(jq \
	'.up[0].update | length' v2.json)" "1 $modules"
release v2 v3
release v3 v4
for n in 3 4; do
	jq '.up = [{"update": "top", "processes": "top"}] | .down = .up' \
		v$n.json >edited
	mv edited v$n.json
done

spawn_io p ./p
wait_line p.out started
wait_target "${pid_of[p]}"
# states: how many processes have which state
states() {
	PYTHONPATH=$ROOT/tests /usr/bin/python3 - "$(target_socket "${pid_of[p]}")" <<-'END'
		import collections, sys
		from peer import Peer
		peer = Peer(sys.argv[1])
		counts = collections.Counter()
		for p in peer.call("process/list")["processes"]:
		    if p.get("module", "").startswith("w"):
		        counts[peer.call("sys/getState", {"process": p["process"]})["state"]] += 1
		print(", ".join("%d x %s" % (n, s) for s, n in sorted(counts.items())))
	END
}
supervisor() {
	rpc "$(target_socket "${pid_of[p]}")" sys/getState '{"process": "top"}' |
		jq -r .state | grep -o '; [a-z]*: [a-z]*' | tr -d ';\n'
}
all=$((modules * each + 1)) # with the supervisor's child
expect_eq "at first" "$(states)" "$all x 1 old"

step "otp_9395: $modules modules, $all processes"
expect_status 0 "$hw" upgrade v2.json
expect_eq "up" "$(states)" "$all x 1 and 2"
expect_status 0 "$hw" downgrade v2.json
expect_eq "down" "$(states)" "$all x 1 old"
expect_status 0 "$hw" upgrade v2.json

step "upgrade_supervisor: a child more"
expect_eq "its children" "$(supervisor)" " first: permanent"
expect_status 0 "$hw" upgrade v3.json
expect_eq "its children" "$(supervisor)" " first: permanent second: permanent"

step "upgrade_supervisor_fail: all is as it was"
expect_status 1 "$hw" upgrade v4.json --json
expect_eq "reason" "$(jq -r .error.reason <<<"$output")" callback_failed
expect_eq "outcome" "$(jq -r '.targets[].outcome' <<<"$output")" rolled_back
expect_eq "its children" "$(supervisor)" " first: permanent second: permanent"
expect_eq "states" "$(states)" "$all x 1 and 2"
expect_eq "suspended" "$(rpc "$(target_socket "${pid_of[p]}")" process/list |
	grep -c '"suspended"')" 0
hang_up p
finish p
expect_eq "the status of p" "$status" 0
