#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# limit: 400
# sanitizers: address
#
# A program of a few files, with a static library and configure checks, built
# hot by CMake, autotools and Meson: the checks give what they give natively,
# the program runs, and an edit to the library goes live.
. "$(dirname "$0")/../lib.sh"

sources() {
	cat >"$1/main.c" <<-'END'
		#include "config.h"
		#include "greet.h"
		#include <stdio.h>
		int main(void)
		{
			char line[16];

			setvbuf(stdout, NULL, _IOLBF, 0);
			while (fgets(line, sizeof(line), stdin))
				puts(greeting());
			return 0;
		}
	END
	printf 'const char *greeting(void);\n' >"$1/greet.h"
	cat >"$1/greet.c" <<-'END'
		#include "greet.h"
		#include <math.h>
		#include <stdio.h>
		static int count;
		const char *greeting(void)
		{
			static char text[64];
			snprintf(text, sizeof(text), "hello %d %.0f", ++count,
				 sqrt(count * count));
			return text;
		}
	END
}

checks='sys/epoll.h:header no_such.h:header strlcpy:func epoll_wait:func
	no_such_function:func'

cmake_files() {
	{
		echo 'cmake_minimum_required(VERSION 3.20)
project(p C)
include(CheckFunctionExists)
include(CheckIncludeFile)
include(CheckCSourceRuns)
include(CheckTypeSize)'
		checked 'check_include_file(%n HAVE_%N)' header
		checked 'check_function_exists(%n HAVE_%N)' func
		echo 'check_type_size(long SIZEOF_LONG)
check_c_source_runs("int main(void){return 0;}" RUNS)
configure_file(config.h.in config.h)
include_directories(${CMAKE_CURRENT_BINARY_DIR})
add_library(greet STATIC greet.c)
target_link_libraries(greet m)
add_executable(p main.c)
target_link_libraries(p greet)'
	} >"$1/CMakeLists.txt"
	{
		checked '#cmakedefine HAVE_%N' 'header|func'
		echo '#cmakedefine RUNS'
		echo '#define SIZEOF_LONG ${SIZEOF_LONG}'
	} >"$1/config.h.in"
}

# checked LINE KINDS: LINE for each check; in it %n is its name, %N in capitals
checked() {
	local check name line
	for check in $checks; do
		[[ ${check#*:} =~ ^($2)$ ]] || continue
		name=${check%:*}
		line=${1//%n/$name}
		printf '%s\n' "${line//%N/$(tr 'a-z/.' 'A-Z__' <<<"$name")}"
	done
}

cmake_build() {
	CC=$2 cmake -S "$1" -B "$1/build" -G "Unix Makefiles" >"$1.log" 2>&1 &&
		make -C "$1/build" >>"$1.log" 2>&1
	config=$1/build/config.h program=$1/build/p
}

autotools_files() {
	{
		echo 'AC_INIT([p], [1])
AC_CONFIG_SRCDIR([main.c])
AC_CONFIG_HEADERS([config.h])
AM_INIT_AUTOMAKE([foreign subdir-objects])
AC_PROG_CC
AM_PROG_AR
AC_PROG_RANLIB
AC_SEARCH_LIBS([sqrt], [m])
AC_C_BIGENDIAN
AC_C_INLINE
AC_TYPE_SIZE_T
AC_CHECK_SIZEOF([long])
AC_FUNC_MMAP'
		checked 'AC_CHECK_HEADERS([%n])' header
		checked 'AC_CHECK_FUNCS([%n])' func
		echo 'AC_CONFIG_FILES([Makefile])
AC_OUTPUT'
	} >"$1/configure.ac"
	echo 'noinst_LIBRARIES = libgreet.a
libgreet_a_SOURCES = greet.c greet.h
bin_PROGRAMS = p
p_SOURCES = main.c
p_LDADD = libgreet.a' >"$1/Makefile.am"
	(cd "$1" && autoreconf -i) >"$1.log" 2>&1 ||
		fail "autoreconf: $(tail -n 20 "$1.log")"
}

autotools_build() {
	(cd "$1" && ./configure CC="$2" && make) >"$1.log" 2>&1
	config=$1/config.h program=$1/p
}

meson_files() {
	{
		echo "project('p', 'c')
cc = meson.get_compiler('c')
conf = configuration_data()"
		checked "conf.set('HAVE_%N', cc.has_header('%n'))" header
		checked "conf.set('HAVE_%N', cc.has_function('%n'))" func
		echo "conf.set('SIZEOF_LONG', cc.sizeof('long'))
conf.set('RUNS', cc.run('int main(void) { return 3; }').returncode() == 3)
configure_file(output: 'config.h', configuration: conf)
m = cc.find_library('m')
greet = static_library('greet', 'greet.c', dependencies: m)
executable('p', 'main.c', link_with: greet)"
	} >"$1/meson.build"
}

meson_build() {
	(cd "$1" && CC=$2 meson setup build && ninja -C build) >"$1.log" 2>&1
	config=$1/build/config.h program=$1/build/p
}

# try SYSTEM COMPILER: what COMPILER builds is what clang builds, and reloads
try() {
	local system=$1 compiler=$2 answers=0
	step "$system, CC=\"${compiler/#$BUILD\//}\""
	rm -rf plain hot run.in
	project plain
	sources plain
	"${system}_files" plain
	cp -r plain hot
	"${system}_build" plain clang-19 ||
		fail "$system natively: $(tail -n 30 plain.log)"
	cp "$config" config.native
	"${system}_build" hot "$compiler" ||
		fail "$system: $(tail -n 30 hot.log)"
	same_file "what was configured" "$config" config.native
	[ -d "$program.hot" ] || fail "$program is not hot"

	spawn_io run "$hw" run "$program"
	tell run
	wait_line run.out '^hello 1 1$'
	replace hot/greet.c '"hello %d' '"good day %d'
	wait_line run.err 'greet v1 live'
	tell run
	wait_line run.out '^good day 2 2$'
	hang_up run
	finish run
	expect_eq "status" "$status" 0
}

try cmake "$hw cc"
try cmake "$hw-cc"
try autotools "$hw cc"
try meson "$hw cc"
try meson "$hw-cc"
