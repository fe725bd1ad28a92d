#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sanitizers: address
# Whole programs: what shows only between modules. There a function may go that
# nobody else needs, and who was not built again is named.
. "$(dirname "$0")/../lib.sh"

# side NAME: the folder NAME, built
side() {
	(
		cd "$1"
		for source in *.c; do
			"$hw" cc -O2 -c "$source"
		done
		# shellcheck disable=SC2086
		"$hw" cc ./*.o -o program
	)
}

# findings OLD NEW: "rule severity module symbol" a line
findings() {
	local status=0
	"$hw" check --json "$1" "$2" >.json || status=$?
	jq -r '.findings[] | "\(.rule) \(.severity) \(.module) \(.symbol)"' .json |
		sort
	echo "$(jq -r .verdict .json) $status"
}

project old
cat >old/api.h <<'END'
int used(int a);
int unused(int a);
extern long total;
END
cat >old/api.c <<'END'
#include "api.h"
long total;
int used(int a)
{
	total += a;
	return a + 1;
}
int unused(int a)
{
	return a - 1;
}
END
cat >old/main.c <<'END'
#include "api.h"
int main(int argc, char **argv)
{
	(void)argv;
	return used(argc) + (int)total;
}
END
side old

step "the same program, by each of its names"
expect_eq "program" "$(findings old/program old/program)" "unchanged 0"
expect_eq "folder" "$(findings old/program.hot old/program)" "unchanged 0"

step "what nobody needs may change and go"
cp -r old new
replace new/api.c 'int unused(int a)
{
	return a - 1;
}
' ''
side new
expect_eq "unused went" "$(findings old/program new/program)" "safe 0"

step "with all callers built again another signature is a warning"
rm -rf new && cp -r old new
replace new/api.h 'used(int a)' 'used(int a, int b)'
replace new/api.c 'used(int a)' 'used(int a, int b)'
replace new/api.c 'a + 1' 'a + b'
replace new/main.c 'used(argc)' 'used(argc, 1)'
side new
expect_eq "all built" "$(findings old/program new/program)" \
	"function-parameters warning api used
safe 1"

step "a caller that declares it itself is named"
rm -rf new && cp -r old new
for side in old new; do
	replace $side/main.c '#include "api.h"' 'int used(int a);
extern long total;'
done
side old
replace new/api.h 'used(int a)' 'used(int a, int b)'
replace new/api.c 'used(int a)' 'used(int a, int b)'
replace new/api.c 'a + 1' 'a + b'
side new
expect_eq "caller" "$(findings old/program new/program)" \
	"caller-not-rebuilt error main used
function-parameters warning api used
unsafe 1"

step "so is one that uses a variable of another type"
cp old/api.[ch] new
for file in new/api.h new/api.c; do
	replace $file 'long total' 'int total'
done
side new
expect_eq "user" "$(findings old/program new/program)" \
	"variable-in-use error api total
variable-migrates info api total
variable-narrowed warning api total
variable-not-rebuilt error main total
unsafe 1"

step "a struct that grows where its own module does not look moves all the same"
mkdir original
cp old/*.[ch] original
for side in old new; do
	cat >$side/api.h <<-'END'
		int used(int a);
		int last(void);
		struct all {
			int first;
			int last;
			long total;
			long more; /* or the alignment changes, and checks of it */
		};
		extern struct all all;
	END
	cat >$side/api.c <<-'END'
		#include "api.h"
		struct all all;
		int used(int a)
		{
			return all.first += a;
		}
	END
	cat >$side/last.c <<-'END'
		#include "api.h"
		int last(void)
		{
			return all.last;
		}
	END
	cat >$side/main.c <<-'END'
		#include "api.h"
		int main(int argc, char **argv)
		{
			(void)argv;
			return used(argc) + last();
		}
	END
done
replace new/api.h 'int last;
' 'int added;
	int last;
'
replace new/api.h 'long total' 'int total'
side old
side new
expect_eq "all" "$(findings old/program new/program)" \
	"variable-migrates info api all
variable-narrowed warning api all
migrates 1"

step "who uses it and came out the same is named"
for side in old new; do
	cat >$side/first.c <<-'END'
		#include "api.h"
		int first(void);
		int first(void)
		{
			return all.first;
		}
	END
done
side old
side new
expect_eq "all" "$(findings old/program new/program)" \
	"variable-migrates info api all
variable-narrowed warning api all
variable-shared info api all
migrates 1"

step "one that declares the type itself would be left behind"
for side in old new; do
	replace $side/first.c '#include "api.h"' 'struct all {
	int first;
};
extern struct all all;'
done
side old
side new
expect_eq "all" "$(findings old/program new/program)" \
	"variable-migrates info api all
variable-narrowed warning api all
variable-shared error api all
unsafe 1"
rm old/{first,last}.[co] new/{first,last}.[co]

step "one that only holds a pointer to a changed type is not"
cp original/* old
cp original/* new
for side in old new; do
	echo 'struct node { int v; } *head;
int first(void) { return head ? head->v : 0; }' >>$side/api.c
	replace $side/main.c 'extern long total;' 'extern long total;
struct node;
extern struct node *head;'
	replace $side/main.c 'used(argc)' 'used(argc) + !head'
done
replace new/api.c '{ int v; }' '{ long id; int v; }'
side old
side new
expect_eq "user" "$(findings old/program new/program)" \
	"heap-type error api node
needs code_change 1"

step "of the ways to a type that of a variable is told, whichever module has it"
rm old/*.[cho] new/*.[cho]
for side in old new; do
	cat >$side/job.h <<-'END'
		struct job {
			int left;
		};
		int left(struct job *job);
	END
	cat >$side/aside.c <<-'END'
		#include "job.h"
		int left(struct job *job)
		{
			return job->left;
		}
	END
	cat >$side/main.c <<-'END'
		#include "job.h"
		struct {
			struct job *first;
		} jobs;
		int main(void)
		{
			return left(jobs.first) + jobs.first->left;
		}
	END
done
replace new/job.h 'int left;' 'int more, left;'
side old
side new
expect_eq "findings" "$(findings old/program new/program)" \
	"heap-type error main job
needs code_change 1"
expect_eq "the way" "$(jq -r '.findings[0].message' .json)" \
	"jobs.first → job: member left moved 0 → 4"
rm old/*.[cho] new/*.[cho]
cp original/* old
cp original/* new
side old
side new

step "an object that is older than a header"
cp old/api.[ch] old/main.c new
side new
touch -d '1 minute' new/api.h
expect_eq "header" "$(findings old/program new/program)" \
	"header-not-rebuilt error api 
unsafe 1"

step "modules come and go"
rm -rf new && cp -r old new
mv new/api.c new/interface.c
rm new/api.o
side new
expect_eq "modules" "$(findings old/program new/program)" \
	"module-added warning interface 
module-removed info api 
safe 1"

step "a suppression that suppresses nothing is told for whole programs"
echo '{"suppress": [{"rule": "module-added", "reason": "on purpose",
"expires": "2999-01-01"}, {"rule": "heap-type", "reason": "known",
"expires": "2999-01-01"}]}' >new/hotwatch.json
side new
expect_eq "suppressions" "$(findings old/program new/program | grep -v ^module)" \
	"suppression-unused warning  heap-type
safe 1"

step "a program that is not hot"
cp /bin/true plain
expect_status 3 "$hw" check plain new/program
expect_match "what to do" "$errors" 'build it with hotwatch cc'
