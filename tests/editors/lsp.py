#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# sanitizers: address
"""hotwatch lsp with the real watcher and the real counter: a save is shown,
an error and a refusal are at their lines and go when mended, who holds old
code is named, commands do what they say, two editors stay in step, and a
program that ends and comes back is told."""
import os
import shutil
import sys

ROOT = os.environ["ROOT"]
sys.path.insert(0, os.path.join(ROOT, "tests"))
from guest import HW, SANITIZE, Target, holds, same, write  # noqa: E402
from lspclient import Editor, Failed, uri  # noqa: E402
import subprocess  # noqa: E402

os.makedirs("p q")
os.chdir("p q")  # a name that a URI must quote
write("hotwatch.json", "{}\n")
shutil.copy(os.path.join(ROOT, "examples/counter/counter.c"), "counter.c")
SOURCE = os.path.realpath("counter.c")
with open(SOURCE, encoding="utf-8") as f:
    text = f.read()
text = text.replace("static void codeswitch(long sum);",
                    "int flag = 1;\n\nstatic void codeswitch(long sum);", 1)
text = text.replace("char line[64];", "char line[64];\n\tint n = flag;\n\n"
                    "\t(void)n;", 1)
write(SOURCE, text)
subprocess.run([HW, "cc", "-O2", "-pthread", "counter.c", "-o",
                "counter"], check=True)


def line_of(part):
    with open(SOURCE, encoding="utf-8") as source:
        return next(n for n, line in enumerate(source) if part in line)


def state(editor, wanted, **more):
    def is_so():
        return (editor.status.get("state") == wanted and
                all(editor.status.get(k) == v for k, v in more.items()) and
                editor.status)
    return editor.until("state %s %s" % (wanted, more), is_so)


def problems(editor, code=None):
    return [d for d in editor.diagnostics.get(SOURCE, [])
            if d.get("code") == code]


editor = Editor([HW, "lsp"], ".")
state(editor, "idle")
same("lost before there was anything to lose", [
    s for s in editor.seen("hotwatch/status") if s["state"] == "lost"], [])


def start():
    """The counter, once it answers: else its process might be born in a
    version that comes meanwhile."""
    counter = Target("./counter")
    counter.process.stdin.write("print\n")
    counter.process.stdin.flush()
    holds("it answers", "sum" in counter.process.stdout.readline())
    return counter


target = start()
state(editor, "attached", pid=target.pid, text="pid %d" % target.pid)
editor.open(SOURCE)

# --- a save ---
editor.save(SOURCE, '"the sum is %ld', '"sum: %ld')
status = state(editor, "live", version=1)
holds("the time is told: %r" % status, status["ms"] > 0)
same("the text", status["text"], "v1 %.0fms" % status["ms"])
same("the modules", status["modules"], ["counter"])

# --- a second editor, that comes late ---
second = Editor([HW, "lsp"], ".")
same("it is in step", state(second, "live", version=1)["text"],
     status["text"])

# --- an error, at its line in UTF-16 ---
for e in (editor, second):
    same("no problems", problems(e), [])
editor.save(SOURCE, "\tint n = flag;",
            "\tint n = flag; /* \u00fc\U0001F600 */ int m = flg;")
for e in (editor, second):
    state(e, "error")
    error = problems(e)[0]
    same("its range", error["range"], {
        "start": {"line": line_of("flg"), "character": 33},
        "end": {"line": line_of("flg"), "character": 36}})
    same("its severity", error["severity"], 1)
    holds("it says what clang said: %r" % error,
          "'flg'" in error["message"])
    related = error["relatedInformation"][0]
    same("the note's line", related["location"]["range"]["start"]["line"],
         line_of("int flag = 1"))
editor.save(SOURCE, " int m = flg;", "")
for e in (editor, second):
    e.until("mended", lambda e=e: not problems(e))
state(editor, "unchanged")

# --- what clang would write is offered ---
editor.save(SOURCE, "(void)n;", "/* \u00fc */ (void)n")
for e in (editor, second):
    state(e, "error")
actions = editor.call("textDocument/codeAction", {
    "textDocument": {"uri": uri(SOURCE)},
    "range": problems(editor)[0]["range"],
    "context": {"diagnostics": problems(editor)}})
edit = actions[0]["edit"]["changes"][uri(SOURCE)][0]
same("what it inserts", edit["newText"], ";")
same("where", edit["range"]["start"], {"line": line_of("(void)n"),
                                       "character": 16})
same("it is an action of its line alone",
     editor.call("textDocument/codeAction", {
         "textDocument": {"uri": uri(SOURCE)},
         "range": {"start": {"line": 0, "character": 0},
                   "end": {"line": 1, "character": 0}},
         "context": {"diagnostics": []}}), [])
error = editor.command("hotwatch.status")["errors"][0]
holds("people are not shown it: %r" % error,
      "fix-it:" not in error["message"])
editor.save(SOURCE, "/* \u00fc */ (void)n", "(void)n;")
for e in (editor, second):
    state(e, "unchanged")

# --- a warning, until it is gone; an editor that comes late sees it, too ---
editor.save(SOURCE, "(void)n;", "(void)n; n == 1;")
for e in (editor, second):
    warning = e.until("the warning", lambda e=e:
                      problems(e, "-Wunused-comparison"))[0]
    same("its severity", warning["severity"], 2)
    same("its line", warning["range"]["start"]["line"], line_of("n == 1"))
editor.save(SOURCE, "n == 1;", "n == 1; /* still there */")
editor.command("hotwatch.sync")
same("it stands", len(problems(editor, "-Wunused-comparison")), 1)
third = Editor([HW, "lsp"], ".")
third.until("the warning, told late", lambda:
            problems(third, "-Wunused-comparison"))
same("status of exit", third.close(), 0)
editor.save(SOURCE, " n == 1; /* still there */", "")
for e in (editor, second):
    e.until("mended", lambda e=e: not problems(e, "-Wunused-comparison"))

# --- hotwatch.json: a slip is at its line, and is no reason to end ---
SETTINGS = os.path.realpath("hotwatch.json")
write(SETTINGS, '{\n  "on_held": "linger",\n  "unsafe": 7\n}\n')
for e in (editor, second):
    state(e, "error", reason="settings")
    wrong = e.diagnostics[SETTINGS]
    same("its line", [d["range"]["start"]["line"] for d in wrong], [2])
    holds("it says what: %r" % wrong, "unsafe must be" in wrong[0]["message"])
write(SETTINGS, "{}\n")
for e in (editor, second):
    e.until("mended", lambda e=e: not e.diagnostics[SETTINGS])

# --- a refusal, at the line of its variable ---
editor.save(SOURCE, "\nint flag = 1", "\nstruct { int a[9]; } flag = {{1}}")
editor.save(SOURCE, "int n = flag", "int n = flag.a[0]")
status = state(editor, "refused", reason="unsafe")
refusal = problems(editor, "unsafe")[0]
same("its line", refusal["range"]["start"]["line"], line_of("flag = {{1}}"))
holds("it says which: %r" % refusal, "flag" in refusal["message"])
state(second, "refused")
editor.save(SOURCE, "struct { int a[9]; } flag = {{1}}", "int flag = 1")
editor.save(SOURCE, "int n = flag.a[0]", "int n = flag")
for e in (editor, second):
    e.until("reverted", lambda e=e: not problems(e, "unsafe"))

# --- who holds old code ---
# (the frames of a sanitizer's process are not always known)
NAMES = ["main thread"] + ([] if SANITIZE else ["process 1 (counter)"])
for name in NAMES:
    held = editor.until(name, lambda: [
        h for h in editor.holders if h["who"] == name])[0]
    same("its version", held["version"], 0)
    same("its file", held["file"], SOURCE)
    held_at = editor.until("its diagnostic", lambda: [
        d for d in problems(editor, "held") if name in d["message"]])[0]
    same("its severity", held_at["severity"], 3)
    same("its line", held_at["range"]["start"]["line"], held["line"] - 1)

# --- lenses ---
titles = [lens["command"]["title"] for lens in editor.lenses(SOURCE)]
holds("the first says the version: %r" % titles,
      titles[0] == "hotwatch: v1 in pid %d" % target.pid)
same("what can be done", titles[1:4], ["Reload", "Purge", "Rollback"])
holds("the last at the top says who holds: %r" % titles,
      titles[4].startswith("old code held by ") and
      all(name in titles[4] for name in NAMES))
for name in NAMES:
    holds("the holder's line has one: %r" % titles,
          name + " still runs v0 here" in titles)
same("a file that is no module has none",
     editor.lenses("hotwatch.json"), [])

# --- commands ---
answer = editor.command("hotwatch.softPurge", uri(SOURCE))
same("soft purge of what is held", answer["ok"], False)
holds("it says by whom, of some: %r" % answer["message"],
      any(name in answer["message"]
          for name in ("main thread", "process 1 (counter)")))
answer = editor.command("hotwatch.holders", "counter")
holds("holders: %r" % answer["message"],
      "main thread" in answer["message"])
answer = editor.command("hotwatch.load", {"modules": ["counter"],
                                          "force": True})
same("load", (answer["ok"], answer["event"]["version"]), (True, 2))
state(second, "live", version=2)
answer = editor.command("hotwatch.purge", {"module": "counter",
                                           "deadline_ms": 200})
same("purge of what the main thread runs", answer["ok"], False)
holds("it says why: %r" % answer["message"],
      "foreign_holder" in answer["message"])
holds("rollback: %r" % answer,
      editor.command("hotwatch.rollback", "counter")["ok"])
editor.until("nobody holds what was rolled back to",
             lambda: editor.holders == [])
holds("status", editor.command("hotwatch.status")["ok"])
try:
    editor.command("hotwatch.load", "nothing")
    holds("load of what is no module is refused", False)
except Failed as failed:
    same("the reason", failed.args[0]["data"]["reason"], "unknown_module")

# --- the program ends, and comes back ---
target.process.kill()
target.process.wait()
for e in (editor, second):
    status = state(e, "lost", reason="no_target")
    same("its text", status["text"], "lost")
    e.until("nobody holds", lambda e=e: e.holders == [] and
            problems(e, "held") == [])
target = start()
for e in (editor, second):  # the file has changed since it was built
    state(e, "live", pid=target.pid, version=1)

# --- saves that are not loaded by themselves, until they are ---
write(SETTINGS, '{"reload_on_save": false}\n')
editor.command("hotwatch.sync")
editor.save(SOURCE, '"sum: %ld', '"Sum: %ld')
for e in (editor, second):
    status = state(e, "stale", reason="stale")
    same("its text", status["text"], "stale: 1 module")
editor.save(SOURCE, '"Sum: %ld', '"sum: %ld')
for e in (editor, second):  # undone: nothing is to be loaded
    state(e, "live", version=1, behind=0)
editor.save(SOURCE, '"sum: %ld', '"Sum: %ld')
state(second, "stale")
holds("load", editor.command("hotwatch.load", uri(SOURCE))["ok"])
for e in (editor, second):
    state(e, "live", version=2, behind=0)
editor.save(SOURCE, '"Sum: %ld', '"sum: %ld')
state(second, "stale")
write(SETTINGS, "{}\n")
for e in (editor, second):
    state(e, "live", version=3, behind=0)

# --- what was said of a program is not said of the next one ---
editor.save(SOURCE, '"sum: %ld', '"sum: " "%ld')
for e in (editor, second):
    state(e, "unchanged")
target.process.kill()
target.process.wait()
target = start()
for e in (editor, second):
    state(e, "live", pid=target.pid, version=1)
editor.save(SOURCE, '"sum: " "%ld', '"sum: %ld')
for e in (editor, second):
    state(e, "unchanged")

# --- a build that takes its time: work-done progress, from half a second on ---
os.mkfifo("go")
write("slow", '#!/bin/sh\nread go <"%s"\nexec "$@"\n' % os.path.abspath("go"))
os.chmod("slow", 0o755)
write(SETTINGS, '{"compiler_launcher": ["%s"]}\n' % os.path.abspath("slow"))
editor.command("hotwatch.sync")
seen = len(editor.seen("$/progress"))
editor.save(SOURCE, '"sum: %ld', '"Sum: %ld')
state(editor, "building")
editor.until("progress that begins",
             lambda: editor.seen("$/progress")[seen:])
with open("go", "w", encoding="ascii") as go:
    go.write("\n")
state(editor, "live", version=2)
editor.until("progress that ends", lambda: editor.seen("$/progress")[-1]
             ["value"]["kind"] == "end")
progress = editor.seen("$/progress")[seen:]
same("it begins and ends", [progress[0]["value"]["kind"],
                            progress[-1]["value"]["kind"]], ["begin", "end"])
same("it is one", len({p["token"] for p in progress}), 1)
same("one save is one build", editor.status["version"], 2)
write(SETTINGS, "{}\n")
editor.command("hotwatch.sync")
editor.save(SOURCE, '"Sum: %ld', '"sum: %ld')
state(second, "live", version=3)

# --- the watcher goes with the editor that had it; another takes over ---
same("status of exit", editor.close(), 0)
second.until("told that it is lost", lambda: [
    s for s in second.seen("hotwatch/status")
    if s.get("reason") == "no_watcher"])
state(second, "attached", pid=target.pid)
second.save(SOURCE, '"sum: %ld', '"the sum is %ld')
state(second, "live", version=4)
same("status of exit", second.close(), 0)
target.process.kill()
target.process.wait()

# --- settings that are no good from the start: nothing is watched, and why ---
write(SETTINGS, '{\n  "on_hold": "linger"\n}\n')
editor = Editor([HW, "lsp"], ".")
state(editor, "error", reason="settings")
wrong = editor.diagnostics[SETTINGS]
same("its line", [d["range"]["start"]["line"] for d in wrong], [1])
holds("it says what: %r" % wrong, "on_hold" in wrong[0]["message"])
write(SETTINGS, "{}\n")
state(editor, "idle")
same("mended", editor.diagnostics[SETTINGS], [])
same("status of exit", editor.close(), 0)
