# SPDX-License-Identifier: MIT
"""hotwatch check's SARIF is valid by the 2.1.0 schema, its JUnit by the strict
schema (of Ant's reports): findings of all severities, none, what could not be
checked, what is suppressed, names that must be escaped.

The schemas are others': npm has them, in the packages that tests/schemas locks,
installed once into the tests' cache. Without npm or network this is skipped;
formats.py holds what the schemas ask of the parts that are used.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HW = os.environ["HW_PROGRAM"]
LOCK = os.path.join(os.environ["ROOT"], "tests", "schemas")
CACHE = os.environ.get("HOTWATCH_TEST_CACHE", "cache")
os.chdir(os.environ.get("HW_TEST_DIR", "."))


def skip(why):
    print("skip: " + why)
    sys.exit(77)


try:
    import jsonschema
except ImportError:
    skip("no python3-jsonschema; ./dev setup installs it")


def install():
    """The folder with the packages, which appears when it is whole."""
    with open(os.path.join(LOCK, "package-lock.json"), "rb") as f:
        name = "schemas-" + hashlib.sha256(f.read()).hexdigest()[:16]
    done = os.path.join(CACHE, name)
    if os.path.isdir(done):
        return done
    os.makedirs(CACHE, exist_ok=True)
    part = tempfile.mkdtemp(prefix=name + ".", dir=CACHE)
    for file in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(LOCK, file), part)
    r = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit",
                        "--no-fund"], cwd=part, capture_output=True, text=True)
    try:
        if r.returncode == 0:
            os.rename(part, done)
    except OSError:
        pass  # another test was first
    shutil.rmtree(part, ignore_errors=True)
    if not os.path.isdir(done):
        skip("npm: " + (r.stderr.strip().splitlines() or ["failed"])[-1])
    return done


def sarif_schema(modules):
    path = "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
    with open(os.path.join(modules, path)) as f:
        schema = json.load(f)
    return jsonschema.Draft7Validator(schema)


def junit_schema(modules):
    """Writes junit.xsd, which a test of the package junit-xml has as text."""
    with open(os.path.join(modules, "junit-xml/src/index.test.ts")) as f:
        text = re.search(r"antJunitSchema = '(.*?)';", f.read(), re.S).group(1)
    with open("junit.xsd", "w") as f:
        f.write(text.replace("\\n", "\n").replace("\\'", "'"))


def build(path, text, *flags):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    subprocess.run([HW, "cc", "-O2", *flags, "-c", path, "-o",
                    path[:-2] + ".o"], check=True)


def check(form, old, new, status):
    r = subprocess.run([HW, "check", "--format", form, old, new],
                       capture_output=True, text=True)
    if r.returncode != status:
        sys.exit("status of %s of %s, %s: got %d, wanted %d; it said: %s%s" %
                 (form, old, new, r.returncode, status, r.stdout, r.stderr))
    return r.stdout


def valid(sarif, old, new, status):
    doc = json.loads(check("sarif", old, new, status))
    errors = ["%s: %s" % (list(e.absolute_path), e.message)
              for e in sarif.iter_errors(doc)]
    if errors:
        sys.exit("SARIF of %s, %s:\n%s" % (old, new, "\n".join(errors)))
    with open("junit.xml", "w") as f:
        f.write(check("junit", old, new, status))
    r = subprocess.run(["xmllint", "--noout", "--schema", "junit.xsd",
                        "junit.xml"], capture_output=True, text=True)
    if r.returncode != 0:
        sys.exit("JUnit of %s, %s:\n%s" % (old, new, r.stderr))


OLD = """
struct s { int a; };
int gone(void) { return 1; }
static struct s v;
static int lost;
int f(int a) { return a + v.a++ + lost++; }
"""
NEW = """
struct s { int a; int b; };
static struct s v;
int f(int a, int b) { return a + b + v.a++ + v.b; }
"""

if not shutil.which("npm") or not shutil.which("xmllint"):
    skip("no npm or no xmllint; ./dev setup installs them")
modules = os.path.join(install(), "node_modules")
sarif = sarif_schema(modules)
junit_schema(modules)
if not list(sarif.iter_errors({"version": "2.1.0"})):
    sys.exit("the schema takes anything")
with open("hotwatch.json", "w") as root:
    root.write("{}")
build("old.c", OLD)
build("new.c", NEW)
build("other.c", NEW, "-O0")
strange = "strange/100%, a:b\r\n<&\"'> \u00fc.c"
build(strange, NEW)
valid(sarif, "old.o", "new.o", 1)
valid(sarif, "old.o", "old.o", 0)
valid(sarif, "old.o", "other.o", 3)
valid(sarif, "old.o", strange[:-2] + ".o", 1)
with open("hotwatch.json", "w") as root:
    json.dump({"suppress": [{"rule": rule, "reason": "known & <meant>",
                             "expires": "2999-12-31"} for rule in (
        "function-removed", "function-parameters", "variable-removed")]}, root)
valid(sarif, "old.o", "new.o", 0)
