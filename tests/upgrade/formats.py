# SPDX-License-Identifier: MIT
# sanitizers: address
"""hotwatch check's formats: each is well-formed and tells the same findings.

SARIF is checked against what the 2.1.0 schema asks of the parts that are used
(required members, enumerations, indices), JUnit against the order and the
attributes of the strict schema; the schemas themselves are nobody's to copy.
Names with %, CR and LF, with markup and with what an URI must escape, go through
all of them.
"""
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

HW = os.environ["HW_PROGRAM"]
os.chdir(os.environ.get("HW_TEST_DIR", "."))

OLD = """
struct s { int a; };
int gone(void) { return 1; }
static struct s v;
int f(int a) { return a + v.a++; }
"""
NEW = """
struct s { int a; int b; };
static struct s v;
int f(int a, int b) { return a + b + v.a++ + v.b; }
"""


def same(what, got, wanted):
    if got != wanted:
        sys.exit("%s: got %r, wanted %r" % (what, got, wanted))


def run(*args, status):
    r = subprocess.run([HW, *args], capture_output=True, text=True)
    if r.returncode != status:
        sys.exit("status of %r: got %d, wanted %d; it said: %s%s" %
                 (args, r.returncode, status, r.stdout, r.stderr))
    return r.stdout


def build(path, text, *flags):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    subprocess.run([HW, "cc", "-O2", *flags, "-c", path, "-o", path[:-2] + ".o"],
                   check=True)


def check(form, old="old.o", new="new.o", status=1):
    return run("check", "--format", form, old, new, status=status)


def sarif_sound(doc, root):
    same("version", doc["version"], "2.1.0")
    (one,) = doc["runs"]
    rules = one["tool"]["driver"]["rules"]
    same("rules once", len({r["id"] for r in rules}), len(rules))
    for r in rules:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", r["id"]), r
        assert r["shortDescription"]["text"] and r["help"]["text"], r
        assert r["defaultConfiguration"]["level"] in (
            "note", "warning", "error"), r
    for r in one["results"]:
        same("rule of the index", rules[r["ruleIndex"]]["id"], r["ruleId"])
        assert r["level"] in ("note", "warning", "error"), r
        assert r["message"]["text"], r
        assert re.fullmatch("[0-9a-f]{16}",
                            r["partialFingerprints"]["change/v1"]), r
        for l in r.get("locations", []):
            place = l["physicalLocation"]
            uri = place["artifactLocation"]["uri"]
            assert re.fullmatch(r"([A-Za-z0-9/._~+-]|%[0-9A-F]{2})+", uri), uri
            assert not uri.startswith("/") and root not in uri, uri
            assert place["region"]["startLine"] >= 1, place
    return one


def fingerprints(doc):
    return sorted(r["partialFingerprints"]["change/v1"]
                  for r in doc["runs"][0]["results"])


def junit_sound(text):
    top = ET.fromstring(text)
    same("root", (top.tag, top.attrib), ("testsuites", {}))
    failures = []
    for n, suite in enumerate(top):
        tags = [e.tag for e in suite]
        cases = [e for e in suite if e.tag == "testcase"]
        same("order", tags, ["properties"] + ["testcase"] * len(cases) +
             ["system-out", "system-err"])
        for name in ("package", "name", "hostname", "time"):
            assert suite.get(name), (name, suite.attrib)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
                            suite.get("timestamp")), suite.attrib
        same("id", suite.get("id"), str(n))
        same("tests", int(suite.get("tests")), len(cases))
        bad = [c for c in cases if c.find("failure") is not None]
        same("failures", int(suite.get("failures")), len(bad))
        same("errors", int(suite.get("errors")),
             sum(c.find("error") is not None for c in cases))
        for c in cases:
            assert len(c) <= 1 and c.get("classname") and c.get("time"), c
        failures += [c.get("name") for c in bad]
    return failures


def all_tell_the_same():
    ours = json.loads(check("json"))
    same("rules", sorted((f["rule"], f["severity"]) for f in ours["findings"]),
         [("function-parameters", "error"), ("function-removed", "error"),
          ("variable-migrates", "info")])
    same("--json", json.loads(run("check", "--json", "old.o", "new.o",
                                  status=1)), ours)
    one = sarif_sound(json.loads(check("sarif")), os.getcwd())
    same("SARIF's rules", [r["ruleId"] for r in one["results"]],
         [f["rule"] for f in ours["findings"]])
    same("successful", one["invocations"][0]["executionSuccessful"], True)
    same("JUnit's failures", len(junit_sound(check("junit"))), 2)
    lines = check("github").splitlines()
    same("GitHub's commands", [l.split(" ")[0] for l in lines],
         ["::error", "::error", "::notice"])
    text = run("check", "--color", "always", "old.o", "new.o", status=1)
    assert "\x1b[" in text
    plain = run("check", "--color", "never", "old.o", "new.o", status=1)
    assert "\x1b[" not in plain
    same("colours are all", re.sub(r"\x1b\[[0-9;]*m", "", text), plain)


def a_fingerprint_does_not_know_lines():
    was = fingerprints(json.loads(check("sarif")))
    build("new.c", "\n\n\n" + NEW)
    same("fingerprints", fingerprints(json.loads(check("sarif"))), was)
    build("new.c", NEW)


def names_are_escaped():
    name = "100%, a:b\r\n<&\"'> ü.c"
    build("strange/" + name, NEW)
    new = "strange/" + name[:-2] + ".o"
    line = [l for l in check("github", new=new).splitlines()
            if "function-parameters" in l]
    same("lines", len(line), 1)
    assert "file=strange/100%25%2C a%3Ab%0D%0A<&\"'> ü.c,line=" in line[0], line
    sarif_sound(json.loads(check("sarif", new=new)), os.getcwd())
    junit_sound(check("junit", new=new))
    files = {f["file"] for f in json.loads(check("json", new=new))["findings"]}
    assert "strange/" + name in files, files


def ten_lines_and_more():
    build("many-old.c", "".join("int f%d(void) { return 1; }\n" % i
                                for i in range(14)))
    build("many-new.c", "int other(void) { return 1; }\n"
          "__attribute__((constructor)) static void c(void) { other(); }\n")
    lines = check("github", "many-old.o", "many-new.o").splitlines()
    same("lines", len(lines), 11)
    assert all(l.startswith("::error ") for l in lines[:10]), lines
    assert re.fullmatch("and [45] more", lines[10]), lines


def not_checked_is_never_success():
    build("other.c", NEW, "-O0")
    out = check("github", "old.o", "other.o", status=3)
    assert out.startswith("::error title=could-not-check::"), out
    doc = json.loads(check("sarif", "old.o", "other.o", status=3))
    same("successful", sarif_sound(doc, os.getcwd())["invocations"][0]
         ["executionSuccessful"], False)
    top = ET.fromstring(check("junit", "old.o", "other.o", status=3))
    same("errors", top[0].get("errors"), "1")
    subprocess.run(["clang-19", "-c", "old.c", "-o", "plain.o"], check=True)
    for args in (("plain.o", "new.o"), ("old.o", "nowhere.o"),
                 ("old.c", "new.o")):
        r = subprocess.run([HW, "check", *args], capture_output=True, text=True)
        same("status of %r" % (args,), (r.returncode, r.stdout), (3, ""))
        assert r.stderr.startswith("hotwatch check: badfile: "), r.stderr
    run("check", "--format", "xml", "old.o", "new.o", status=2)


def suppressed(text, status):
    with open("hotwatch.json", "w") as f:
        f.write(text)
    return json.loads(check("json", status=status))


def suppressions_need_reason_and_day():
    both = """{"suppress": [
      {"rule": "function-parameters", "symbol": "f", "reason": "only we call it",
       "expires": "2999-12-31"},
      {"rule": "function-removed", "module": "new", "reason": "never used",
       "expires": "2999-12-31"}]}"""
    doc = suppressed(both, 0)
    same("reasons", sorted(f["suppressed"] for f in doc["findings"]
                           if f["suppressed"]),
         ["never used", "only we call it"])
    same("verdict", doc["verdict"], "migrates")
    sarif = json.loads(check("sarif", status=0))
    same("SARIF's suppressions", sorted(
        r["suppressions"][0]["justification"]
        for r in sarif["runs"][0]["results"] if "suppressions" in r),
        ["never used", "only we call it"])
    same("JUnit's failures", junit_sound(check("junit", status=0)), [])
    doc = suppressed(both.replace("2999", "2001"), 1)
    same("expired", sum(f["rule"] == "suppression-expired"
                        for f in doc["findings"]), 2)
    for bad in (both.replace('"reason": "never used",', ""),
                both.replace("2999-12-31", "some day"),
                both.replace('"module"', '"modul"')):
        with open("hotwatch.json", "w") as f:
            f.write(bad)
        r = subprocess.run([HW, "check", "old.o", "new.o"],
                           capture_output=True, text=True)
        same("status", r.returncode, 3)
        assert "hotwatch.json:1: suppress must be a list" in r.stderr, r.stderr
    doc = suppressed(both.replace("function-removed", "function-gone"), 1)
    assert "names no rule" in json.dumps(doc), doc
    os.unlink("hotwatch.json")


with open("hotwatch.json", "w") as root:
    root.write("{}")
build("old.c", OLD)
build("new.c", NEW)
all_tell_the_same()
a_fingerprint_does_not_know_lines()
names_are_escaped()
ten_lines_and_more()
not_checked_is_never_success()
suppressions_need_reason_and_day()
