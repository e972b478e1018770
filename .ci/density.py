"""Counts how dense the production code reads, by module: python3 .ci/density.py [FOLDER]...

A code line is a line that is neither blank nor only a comment, before the inline test module.
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


def main():
    root = pathlib.Path(__file__).resolve().parent.parent / "src"
    folders = [pathlib.Path(name) for name in sys.argv[1:]] or sorted(p for p in root.iterdir() if p.is_dir()) + [root]
    print(f"{'module':<14}{'lines':>8}{'chars/line':>12}{'combinators/1000':>18}{'named closures/1000':>21}")
    for folder in folders:
        paths = [p for p in sorted(folder.rglob("*.rs")) if p.name != "tests.rs" and "tests" not in p.parts[-2:-1]]
        row = counts(paths)
        name = "all" if folder == root else folder.name
        print(f"{name:<14}{row['lines']:>8}{row['characters']:>12.1f}{row['combinators']:>18.1f}{row['closures']:>21.1f}")


if __name__ == "__main__":
    main()
