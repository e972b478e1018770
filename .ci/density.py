"""Counts how dense the production code reads, by module: python3 .ci/density.py [--check] [FOLDER]...

A code line is a line that is neither blank nor only a comment, before the inline test module. With `--check` the counts of
all code, and of the modules that are named in LIMITED, must keep to LIMITS.
"""

import pathlib
import re
import sys

COMBINATORS = re.compile(
    r"\.(?:map_or|map_or_else|map_or_default|and_then|or_else|filter_map|flat_map|find_map|is_some_and|is_none_or|is_ok_and|"
    r"then_some|then|zip|fold|try_fold|scan|transpose|flatten|take_while|skip_while|map_while|partition|unzip|xor)\("
)
NAMED_CLOSURE = re.compile(r"^\s*let (?:mut )?\w+(?:: [^=]+)? =\s*(?:move )?\|")
TESTS = re.compile(r"^#\[cfg\((?:test|all\(test.*)\)\]\s*\n(?:#\[[^\n]*\n)*(?:pub(?:\([a-z]+\))? )?mod \w+ \{", re.M)

# At most so many characters a line, and combinators and named closures in 1,000 lines.
LIMITS = {"characters": 29.0, "combinators": 12.0, "closures": 3.0}
LIMITED = ("all", "fetch", "publish", "plan", "schedule", "ledger")
# Where a count is above its limit still, with what it is at most. An entry that is no longer needed must go.
ABOVE = {
    "publish": {"combinators": 33.0, "closures": 11.9},
    "schedule": {"combinators": 12.5},
}


def code_lines(path):
    text = path.read_text()
    tests = TESTS.search(text)
    if tests:
        text = text[: tests.start()]
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("//")]


def counts(paths):
    lines = [line for path in paths for line in code_lines(path)]
    text = "\n".join(lines)
    thousand = max(len(lines), 1) / 1000
    return {
        "lines": len(lines),
        "characters": sum(map(len, lines)) / max(len(lines), 1),
        "combinators": len(COMBINATORS.findall(text)) / thousand,
        "closures": sum(bool(NAMED_CLOSURE.match(line)) for line in lines) / thousand,
    }


def faults(name, row):
    """What is wrong with the counts of a module."""
    above = ABOVE.get(name, {})
    for count, limit in LIMITS.items():
        if row[count] > above.get(count, limit):
            yield f"{name}: {row[count]:.1f} {count}, at most {above.get(count, limit)}"
        if count in above and row[count] <= limit:
            yield f"{name}: {row[count]:.1f} {count} keep to the limit of {limit}: take the entry out of ABOVE"


def main():
    root = pathlib.Path(__file__).resolve().parent.parent / "src"
    names = [name for name in sys.argv[1:] if name != "--check"]
    folders = [pathlib.Path(name) for name in names] or sorted(p for p in root.iterdir() if p.is_dir()) + [root]
    print(f"{'module':<14}{'lines':>8}{'chars/line':>12}{'combinators/1000':>18}{'named closures/1000':>21}")
    wrong = []
    for folder in folders:
        paths = [p for p in sorted(folder.rglob("*.rs")) if p.name != "tests.rs" and "tests" not in p.parts[-2:-1]]
        row = counts(paths)
        name = "all" if folder == root else folder.name
        print(f"{name:<14}{row['lines']:>8}{row['characters']:>12.1f}{row['combinators']:>18.1f}{row['closures']:>21.1f}")
        if "--check" in sys.argv and name in LIMITED:
            wrong += faults(name, row)
    print("".join(f"{fault}\n" for fault in wrong), end="", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
