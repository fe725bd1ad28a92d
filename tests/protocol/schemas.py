#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# limit: 20
"""protocol/schema/ and docs/architecture.md tell of the same methods, each
schema holds for its examples, and does not hold for what it should refuse."""
import copy
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests"))
import schema  # noqa: E402

failures = []


def expect(held, what):
    if not held:
        failures.append(what)


def names():
    return sorted(n for n in os.listdir(schema.FOLDER) if n != "common.json")


def holds(name, value):
    try:
        schema.check_document(name, value)
        return ""
    except schema.Mismatch as mismatch:
        return str(mismatch)


def documented():
    """The methods and notifications that the page names."""
    with open(os.path.join(ROOT, "docs", "architecture.md"),
              encoding="utf-8") as f:
        text = f.read()
    text = text[text.index("## Sockets"):]
    return set(re.findall(r"`((?:code|watch|sys|process|hotwatch)/[A-Za-z]+)`", text))


def check_names():
    written = {schema.document(n)["title"] for n in names()} - {"error"}
    expect(written == documented(),
           "schemas without a line in docs/architecture.md: %s; lines without "
           "a schema: %s" % (sorted(written - documented()),
                             sorted(documented() - written)))
    for name in names():
        doc = schema.document(name)
        expect(doc["$id"] == name, name + ": $id is " + doc["$id"])
        expect(doc["title"].replace("/", "-") + ".json" == name,
               name + ": the title is " + doc["title"])


def check_examples():
    for name in names():
        examples = schema.document(name)["examples"]
        expect(examples, name + ": has no examples")
        for example in examples:
            why = holds(name, example)
            expect(not why, "%s: an example does not hold: %s" % (name, why))


def walk(value):
    """All objects inside VALUE."""
    if isinstance(value, dict):
        yield value
    for part in (value.values() if isinstance(value, dict) else
                 value if isinstance(value, list) else ()):
        yield from walk(part)


def check_damage():
    """A value that is turned into nonsense is told from a good one."""
    for name in names():
        for example in schema.document(name)["examples"]:
            damaged = copy.deepcopy(example)
            for o in list(walk(damaged)):
                for key, value in o.items():
                    if isinstance(value, (int, str)):
                        o[key] = {"nonsense": [1]}
            if damaged != example:
                expect(holds(name, damaged), name + ": nonsense passes")


def check_refusals():
    load = {"module": "m", "file": "/f"}
    for params in ({}, {"module": "m"}, dict(load, extra=1),
                   dict(load, file="relative"), [], None):
        expect(holds("code-load.json", {"params": params, "result": None}),
               "code/load takes the params %r" % (params,))
    for error in ({"code": -32000}, {"code": 1, "message": "x"},
                  {"code": -32000, "message": "x",
                   "data": {"reason": "because"}}):
        expect(holds("error.json", error), "an error may be %r" % (error,))


check_names()
check_examples()
check_damage()
check_refusals()
for failure in failures:
    print(failure)
sys.exit(1 if failures else 0)
