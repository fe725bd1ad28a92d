# SPDX-License-Identifier: MIT
"""A release's file is read strictly: what is wrong is told with file, line and
key, and no target is asked. What the schema refuses the reader refuses."""
import copy
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["ROOT"], "tests"))
import schema  # noqa: E402

HW = os.environ["HW_PROGRAM"]
with open(os.path.join(os.environ["ROOT"], "docs", "release.schema.json"),
          encoding="utf-8") as f:
    SCHEMA = json.load(f)
failures = []
A, B = "a" * 32, "b" * 32
GOOD = {
    "release": 1, "program": "server", "objects": "o",
    "from": {"name": "1", "modules": {"src/a": A, "src/b": A, "c": A}},
    "to": {"name": "2", "modules": {"src/a": B, "src/b": B}},
    "up": [{"suspend": ["one", 2]},
           {"load_module": "src/a", "pre_purge": "soft_purge",
            "post_purge": "brutal_purge", "extra": "x"},
           {"update": ["src/b"], "change": "soft", "processes": "one",
            "timeout_ms": 100},
           "point_of_no_return",
           {"delete_module": "c"}, {"code_change": "src/a"},
           {"soft_purge": ["src/a", "src/b"]}, {"purge": "src/b"},
           {"resume": "one"}],
    "down": [{"load_module": ["c", "src/a", "src/b"]}],
}


def upgrade(text):
    with open("r.json", "w", encoding="utf-8") as out:
        out.write(text)
    return subprocess.run([HW, "upgrade", "r.json"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)


def holds(value):
    try:
        schema.Check(SCHEMA).run(SCHEMA, value, "release")
        return True
    except schema.Mismatch:
        return False


def said(what, text, wanted):
    """The reader refuses TEXT, and says WANTED."""
    got = upgrade(text)
    if got.returncode != 1 or wanted not in got.stderr:
        failures.append("%s: got %d %r, wanted %r" % (
            what, got.returncode, got.stderr, wanted))


def changed(path, value):
    """GOOD with the member at PATH replaced; no VALUE (...): without it."""
    doc = copy.deepcopy(GOOD)
    at = doc
    for part in path[:-1]:
        at = at[part]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return doc


def refused(path, value, line, words, also_schema=True):
    doc = changed(path, value)
    said("%s = %r" % (path, value), json.dumps(doc, indent=1),
         "hotwatch upgrade: badfile: r.json:%d: %s" % (line, words))
    if also_schema and holds(doc):
        failures.append("the schema takes %s = %r" % (path, value))


def line_of(words):
    """Of the first line of GOOD that has WORDS."""
    for n, line in enumerate(json.dumps(GOOD, indent=1).split("\n"), 1):
        if words in line:
            return n
    sys.exit("no line has " + words)


got = upgrade(json.dumps(GOOD))
if got.returncode != 3 or "no_target" not in got.stderr:
    failures.append("a good one: %d %r" % (got.returncode, got.stderr))
if not holds(GOOD):
    failures.append("the schema does not take a good one")

UP = line_of('"up"')
refused(["release"], 2, 2, '"release" must be 1')
refused(["colour"], 1, line_of('"down"') + 9,
        'unknown key "colour"; known are release program objects')
refused(["from"], ..., 1, '"from" is missing')
refused(["down"], ..., 1, '"down" is missing')
refused(["to", "modules", "src/a"], "xyz", line_of('"' + B), 'to: "src/a" must be a content hash', False)
refused(["to", "modules", "new"], B, line_of('"to"'),
        'new is not in "from": a running program cannot take', False)
refused(["up", 0, "supend"], 1, UP + 6,
        'up[0]: unknown key "supend"; known are timeout_ms')
refused(["up", 0], {"aply": 1}, UP + 2,
        'up[0]: unknown instruction "aply"; known are load_module')
refused(["up", 0], {"apply": ["m", "f", []]}, UP + 1,
        "up[0]: apply cannot be done: code is called by no name here")
refused(["up", 0], {"add_module": "m"}, UP + 1,
        "up[0]: add_module cannot be done: a running program cannot take")
refused(["up", 0], "restart_emulator", UP + 1,
        "up[0]: restart_emulator cannot be done")
refused(["up", 0], {}, UP + 1, "up[0]: there is no instruction in it")
refused(["up", 0], {"suspend": "a", "resume": "a"}, UP + 3,
        "up[0]: suspend and resume are two instructions")
refused(["up", 0], 7, UP + 1, "up[0]: an instruction must be an object")
refused(["up", 0, "suspend"], [], UP + 2,
        'up[0]: "suspend" must be a process\'s name or number', False)
refused(["up", 1, "pre_purge"], "brutal", line_of("pre_purge"),
        'up[1]: "pre_purge" must be "linger", "soft_purge" or "brutal_purge"')
refused(["up", 1, "post_purge"], "linger", line_of("post_purge"),
        'up[1]: "post_purge" must be "soft_purge" or "brutal_purge"')
refused(["up", 1, "extra"], 5, line_of("extra"),
        'up[1]: "extra" must be a text')
refused(["up", 1, "processes"], "p", line_of("extra") + 1,
        'up[1]: unknown key "processes"')
refused(["up", 2, "change"], "no", line_of('"change"'),
        'up[2]: "change" must be "advanced"')
refused(["up", 2, "timeout_ms"], 0, line_of("timeout_ms"),
        'up[2]: "timeout_ms" must be a whole number')
refused(["up", 1, "load_module"], "src/x", UP + 7,
        "up[1]: src/x is not one of the modules that differ", False)
refused(["up", 1, "load_module"], "src/b", UP,
        '"up" must load src/a exactly once', False)
refused(["up", 4], {"load_module": "c"}, UP,
        '"up" must delete c exactly once', False)
refused(["down"], [], line_of('"down"'),
        '"down" must load src/a exactly once', False)
refused(["down"], {}, line_of('"down"'), '"down" must be a list')
said("no JSON", '{\n"release": 1,\n', "r.json:3: not JSON from here on")
said("no object", "[]", "r.json:1: must be an object")
os.remove("r.json")
said_nothing = subprocess.run([HW, "upgrade", "r.json"], text=True,
                              stderr=subprocess.PIPE, check=False)
if said_nothing.returncode != 1 or "r.json" not in said_nothing.stderr:
    failures.append("no file: %r" % said_nothing.stderr)

for failure in failures:
    print(failure)
sys.exit(1 if failures else 0)
