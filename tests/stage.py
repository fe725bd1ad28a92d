# SPDX-License-Identifier: MIT
"""Lays out what the conformance cases are played with: the two players, and
every version of a module that a case names, in C and in Erlang.

A version's KEY is its number and, after a dash, what is special about it
("2-lacks"); VARIANTS says which definitions that gives. It lies in
STAGE/c/KEY/MODULE.so and STAGE/erl/KEY/MODULE.beam, and is made the first time
a case needs it. Cases run side by side and share the stage, so whoever finds
something missing makes it under a lock. The stage's name is a hash of all that
goes into it: nothing in it is ever stale."""
import contextlib
import fcntl
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys

ROOT = os.environ["ROOT"]
BUILD = os.environ["BUILD"]
HERE = os.path.join(ROOT, "tests", "conformance")
HW = os.environ["HW_PROGRAM"]
LINK = os.path.join(BUILD, "tests", "module-link")
CODESERVER = os.path.join(BUILD, "codeserver", "libcodeserver.so")
MODULES = ["m", "n", "o", "p", "q"]
PLAYER = ["player.c", "player-code.c", "player-process.c", "player-call.c",
          "player-behaviour.c", "player.h"]
BASE = 0x550040000000  # of the versions; one of them has a megabyte

VARIANTS = {
    "lacks": ["LACKS"],
    "ok": ["ON_LOAD", "ON_LOAD_OK"],
    "error": ["ON_LOAD", "ON_LOAD_ERROR"],
    "exit": ["ON_LOAD", "ON_LOAD_EXIT"],
    "killed": ["ON_LOAD", "ON_LOAD_KILLED"],
    "wait": ["ON_LOAD", "ON_LOAD_WAIT"],
    "self": ["ON_LOAD", "ON_LOAD_SELF"],
    "order": ["ON_LOAD", "ON_LOAD_ORDER"],
    "chain": ["ON_LOAD", "ON_LOAD_CHAIN"],
    "last": ["ON_LOAD", "ON_LOAD_LAST"],
}


def definitions(module, key):
    number, _, variant = key.partition("-")
    after = MODULES[(MODULES.index(module) + 1) % len(MODULES)]
    values = {"NAME": module, "V": number, "NEXT": after}
    return values, VARIANTS[variant] if variant else []


def ingredients():
    # not ../target: what is compiled, and what compiles it
    files = sorted(glob.glob(os.path.join(HERE, "*.erl")))
    files += sorted(glob.glob(os.path.join(HERE, "*.[ch]")))
    files += sorted(glob.glob(os.path.join(
        ROOT, "codeserver", "include", "hotwatch", "*.h")))
    return files + [__file__, os.path.join(BUILD, "hotwatch"), LINK, CODESERVER]


def folder():
    digest = hashlib.sha256()
    for path in ingredients():
        with open(path, "rb") as f:
            digest.update(f.read())
    return os.path.join(BUILD, "conformance", digest.hexdigest()[:16])


def run(*argv, **more):
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, **more)
    if done.returncode:
        sys.exit("FAILED: %s\n%s" % (" ".join(argv), done.stdout))
    return done.stdout


class Stage:
    def __init__(self):
        self.dir = folder()
        self.program = os.path.join(self.dir, "program", "player")
        os.makedirs(self.dir, exist_ok=True)

    @contextlib.contextmanager
    def locked(self, what):
        with open(os.path.join(self.dir, what + ".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def c(self, wanted):
        """The player, and WANTED, pairs (module, key)."""
        with self.locked("c"):
            if not os.path.exists(self.program):
                self.make_program()
            for module, key in wanted:
                if not os.path.exists(self.path("c", module, key, ".so")):
                    self.make_version(module, key)
        return os.path.join(self.dir, "c")

    def erlang(self, wanted):
        wanted = {*wanted, *((m, "0") for m in MODULES)}
        with self.locked("erl"):
            missing = [(m, k) for m, k in sorted(wanted) if not os.path.exists(
                self.path("erl", m, k, ".beam"))]
            if missing:
                self.make_beams(missing)
        return os.path.join(self.dir, "erl")

    def path(self, kind, module, key, ending):
        return os.path.join(self.dir, kind, key, module + ending)

    def make_program(self):
        where = os.path.dirname(self.program) + ".new"
        shutil.rmtree(where, ignore_errors=True)
        os.makedirs(where)
        for name in PLAYER + ["module.c"]:
            shutil.copy(os.path.join(HERE, name), where)
        for module in MODULES:
            after = definitions(module, "0")[0]["NEXT"]
            with open(os.path.join(where, module + ".c"), "w") as f:
                f.write("#ifndef V\n#define V 0\n#endif\n#define NAME %s\n"
                        "#define NEXT %s\n#include \"module.c\"\n"
                        % (module, after))
        with open(os.path.join(where, "hotwatch.json"), "w") as f:
            f.write("{}\n")
        os.rename(where, os.path.dirname(self.program))
        where = os.path.dirname(self.program)
        sources = [n for n in PLAYER if n.endswith(".c")]
        sources += [m + ".c" for m in MODULES]
        run(HW, "cc", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread",
            "-o", "player", *sources, cwd=where)

    def make_version(self, module, key):
        """Compiled as the manifest says, linked for a place of its own."""
        with open(self.program + ".hot/manifest.json") as f:
            how = next(m for m in json.load(f)["modules"]
                       if m["name"] == module)
        scratch = os.path.join(self.dir, "scratch")
        os.makedirs(os.path.join(self.dir, "c", key), exist_ok=True)
        os.makedirs(scratch, exist_ok=True)
        values, variant = definitions(module, key)
        made = len(glob.glob(os.path.join(self.dir, "c", "*", "*.so")))
        obj = os.path.join(scratch, "m.o")
        run(*how["command"], "-DV=" + values["V"],
            *("-D" + word for word in variant), "-o", obj, cwd=how["dir"])
        file = run(LINK, obj, module, hex(BASE + made * 0x100000), scratch,
                   CODESERVER).strip()
        os.rename(file, self.path("c", module, key, ".so"))

    def make_beams(self, wanted):
        """All in one start of Erlang, which takes longer than they do."""
        lines = []
        if not os.path.exists(os.path.join(self.dir, "player.beam")):
            lines += ["{ok, %s} = compile:file(%s, [{outdir, %s}])" % (
                name, quote(os.path.join(HERE, name + ".erl")),
                quote(self.dir)) for name in ("behaviours", "player")]
        for module, key in wanted:
            out = os.path.join(self.dir, "erl", key)
            os.makedirs(out, exist_ok=True)
            values, variant = definitions(module, key)
            macros = ["{d,'%s',%s}" % pair for pair in values.items()]
            macros += ["{d,'%s'}" % word for word in variant]
            lines.append(
                "{ok, %s, B%d} = compile:file(%s, [binary,report,%s]),\n"
                "ok = file:write_file(%s, B%d)" % (
                    module, len(lines), quote(os.path.join(HERE, "module")),
                    ",".join(macros), quote(os.path.join(out, module +
                                                         ".beam")),
                    len(lines)))
        script = os.path.join(self.dir, "make.erls")
        with open(script, "w") as f:
            f.write(",\n".join(lines) + ",\nhalt(0).\n")
        run("erl", "-noinput", "-boot", "start_clean", "-eval",
            "{ok, _} = file:eval(%s)" % quote(script))


def quote(text):
    return '"%s"' % text
