# SPDX-License-Identifier: MIT
"""Checks what goes over a socket against protocol/schema/.

JSON Schema 2020-12, as much of it as our schemas use and no more: a keyword
that is not known here is an error, so none is ignored silently. Written out
because a bare Debian has no validator for Python.

    check("code/load", "result", value)    raises Mismatch
    check_error(error)
"""
import json
import os
import re

FOLDER = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..",
                      "protocol", "schema")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool,
         "null": type(None), "number": (int, float), "integer": int}
# Said to people, or used by the tests; they allow everything.
SILENT = {"$schema", "$id", "$defs", "title", "description", "examples",
          "x-side", "x-kind"}
_documents = {}


class Mismatch(Exception):
    pass


def document(name):
    if name not in _documents:
        with open(os.path.join(FOLDER, name), encoding="utf-8") as f:
            _documents[name] = json.load(f)
    return _documents[name]


def is_type(value, name):
    if name not in TYPES:
        raise ValueError("unknown type " + name)
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, TYPES[name])


def same(a, b):
    return isinstance(a, bool) == isinstance(b, bool) and a == b


class Check:
    """One value against one schema; DOC is where "#" refers to."""

    def __init__(self, doc):
        self.doc = doc

    def run(self, schema, value, where):
        if schema is False:
            self.fail(where, value, "is not allowed")
        if isinstance(schema, bool):
            return
        for keyword, wanted in schema.items():
            if keyword in SILENT:
                continue
            rule = getattr(self, "on_" + keyword.lstrip("$"), None)
            if rule is None:
                raise ValueError("unknown keyword " + keyword)
            rule(wanted, value, where, schema)

    @staticmethod
    def fail(where, value, why):
        raise Mismatch("%s: %s: %s" % (where, why, json.dumps(value)[:200]))

    def on_ref(self, ref, value, where, _):
        name, _, path = ref.partition("#")
        doc = document(name) if name else self.doc
        schema = doc
        for part in filter(None, path.split("/")):
            schema = schema[part]
        Check(doc).run(schema, value, where)

    def on_type(self, wanted, value, where, _):
        names = [wanted] if isinstance(wanted, str) else wanted
        if not any(is_type(value, n) for n in names):
            self.fail(where, value, "is no " + " or ".join(names))

    def on_enum(self, wanted, value, where, _):
        if not any(same(value, w) for w in wanted):
            self.fail(where, value, "is none of " + json.dumps(wanted))

    def on_const(self, wanted, value, where, _):
        if not same(value, wanted):
            self.fail(where, value, "is not " + json.dumps(wanted))

    def on_pattern(self, wanted, value, where, _):
        if isinstance(value, str) and not re.search(wanted, value):
            self.fail(where, value, "does not match " + wanted)

    def on_minimum(self, wanted, value, where, _):
        if is_type(value, "number") and value < wanted:
            self.fail(where, value, "is less than %s" % wanted)

    def on_required(self, wanted, value, where, _):
        for name in wanted if isinstance(value, dict) else ():
            if name not in value:
                self.fail(where, value, "has no " + name)

    def on_properties(self, wanted, value, where, _):
        for name, schema in wanted.items():
            if isinstance(value, dict) and name in value:
                self.run(schema, value[name], where + "." + name)

    def on_additionalProperties(self, wanted, value, where, schema):
        known = schema.get("properties", {})
        for name in value if isinstance(value, dict) else ():
            if name not in known:
                self.run(wanted, value[name], where + "." + name)

    def on_items(self, wanted, value, where, _):
        for i, item in enumerate(value if isinstance(value, list) else ()):
            self.run(wanted, item, "%s[%d]" % (where, i))

    def on_allOf(self, wanted, value, where, _):
        for schema in wanted:
            self.run(schema, value, where)

    def on_anyOf(self, wanted, value, where, _):
        said = []
        for schema in wanted:
            try:
                self.run(schema, value, where)
                return
            except Mismatch as mismatch:
                said.append(str(mismatch))
        raise Mismatch("; and ".join(said))


def check_document(name, value):
    Check(document(name)).run(document(name), value, name)


def check(method, part, value):
    """PART is "params" or "result"; a method without a schema is wrong."""
    doc = document(method.replace("/", "-") + ".json")
    Check(doc).run(doc["properties"][part], value, method + " " + part)


def check_error(error):
    check_document("error.json", error)
