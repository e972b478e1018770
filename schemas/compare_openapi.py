#!/usr/bin/env python3
"""Lists what differs when the vendor's OpenAPI description (JSON) is laid beside the catalog in this folder.

    compare_openapi.py OPENAPI.json [--schemas FOLDER] [--json]

Compared are operations, parameters, fields of POST bodies, response keys, shapes and columns, with their types, formats,
nullability, choices, defaults and, where the description of a column names them ("(10 units)"), units. What the catalog
adds of its own (descriptions, keys, presets, measures, fields of objects that the vendor does not publish) and what
OpenAPI has no place for (the columns of `where`) is not.

One line for each difference, `+` for what only the vendor has, `-` for what only the catalog has, `~` for what both have and
differs. Exit status: 0 no difference, 1 differences, 2 the input cannot be used.
"""

import argparse
import json
import re
import sys
from pathlib import Path

METHODS = ("get", "post")
UNITS = re.compile(r"\((\d+) units?\b", re.IGNORECASE)
NOT_SECTIONS = ("enums.json", "config.schema.json")
Facts = dict[str, object]


class Unusable(Exception):
    """The input is no OpenAPI description that can be compared."""


# ---- The vendor's side -------------------------------------------------------------------------------------------------


class OpenApi:
    """An OpenAPI document: its operations in the catalog's own words."""

    def __init__(self, document: object):
        if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
            raise Unusable("no OpenAPI description: it has no object `paths`")
        self.document = document

    def resolve(self, node: object) -> dict:
        """A schema, or what it refers to; a choice between one schema and null is that schema, nullable."""
        seen = set()
        node = node if isinstance(node, dict) else {}
        while "$ref" in node:
            target = node["$ref"]
            if target in seen or not target.startswith("#/"):
                raise Unusable(f"the reference {target} leads nowhere")
            seen.add(target)
            found: object = self.document
            for step in target[2:].split("/"):
                found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
            if not isinstance(found, dict):
                raise Unusable(f"the reference {target} leads nowhere")
            node = found
        for key in ("anyOf", "oneOf", "allOf"):
            parts = [part for part in node.get(key, []) if part.get("type") != "null"]
            if len(parts) == 1:
                inner = self.resolve(parts[0])
                outer = {name: value for name, value in node.items() if name != key}
                nullable = inner.get("nullable", False) or len(parts) < len(node[key])
                return {**inner, **outer, "nullable": nullable or outer.get("nullable", False)}
        return node

    def field(self, node: object) -> Facts:
        """What a schema says of a parameter or column."""
        schema = self.resolve(node)
        kinds = schema.get("type", "any")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        kind = next((name for name in kinds if name != "null"), "any")
        choices = schema.get("enum")
        facts: Facts = {
            "type": kind,
            "format": schema.get("format"),
            "nullable": bool(schema.get("nullable")) or "null" in kinds,
            "enum": sorted(str(choice) for choice in choices if choice is not None) if choices else None,
            "default": schema.get("default"),
        }
        if kind == "array":
            facts["items"] = self.field(schema.get("items", {}))
        if kind == "object" and schema.get("properties"):
            facts["fields"] = {name: self.field(inner) for name, inner in schema["properties"].items()}
        stated = UNITS.search(str(schema.get("description", "")))
        if stated:
            facts["units"] = int(stated[1])
        return facts

    def operations(self) -> dict[str, Facts]:
        """Every operation, by the catalog's name: the path without the version. Of several methods the one that reads."""
        found = {}
        for path, item in self.document["paths"].items():
            method = next((name for name in METHODS if name in item), None)
            if method:
                name = re.sub(r"^/v\d+/", "", path).strip("/")
                shared = item.get("parameters", [])
                found[name] = self.operation(method, shared + item[method].get("parameters", []), item[method])
        return found

    def operation(self, method: str, parameters: list, operation: dict) -> Facts:
        """One operation: parameters, fields of the body, response key, shape, columns."""
        facts: Facts = {"method": method.upper(), "params": {}, "body": {}, **self.answer(operation)}
        for node in parameters:
            parameter = self.resolve(node)
            if parameter.get("in", "query") == "query":
                field = self.field(parameter.get("schema", {}))
                field["required"] = bool(parameter.get("required"))
                facts["params"][parameter["name"]] = field
        body = self.resolve(self.resolve(operation.get("requestBody")).get("content", {}).get("application/json", {}).get("schema"))
        facts["body"] = {name: self.field(node) for name, node in body.get("properties", {}).items()}
        return facts

    def answer(self, operation: dict) -> Facts:
        """Response key, shape and columns of the answer with status 200."""
        response = self.resolve(operation.get("responses", {}).get("200"))
        schema = self.resolve(response.get("content", {}).get("application/json", {}).get("schema"))
        properties = schema.get("properties", {})
        if not properties:
            return {"response_key": None, "shape": None, "columns": {}}
        key, node = next(iter(properties.items()))
        content = self.resolve(node)
        shape, row = "record", content
        if content.get("type") == "array":
            row = self.resolve(content.get("items"))
            shape = "rows" if row.get("properties") else "scalars"
        columns = {name: self.field(inner) for name, inner in row.get("properties", {}).items()}
        return {"response_key": key, "shape": shape, "columns": columns}


# ---- The catalog's side ------------------------------------------------------------------------------------------------


def catalog(folder: Path) -> dict[str, Facts]:
    """Every operation of the catalog, with the same facts."""
    enums = json.loads((folder / "enums.json").read_text(encoding="utf-8"))
    found = {}
    for path in sorted(folder.glob("*.json")):
        if path.name not in NOT_SECTIONS:
            for name, operation in json.loads(path.read_text(encoding="utf-8")).items():
                found[name] = known(operation, enums)
    return found


def known(operation: dict, enums: dict) -> Facts:
    """One operation of the catalog."""
    body = (operation.get("body") or {}).get("fields", {})
    columns = {name: known_field(field, enums) for name, field in operation["columns"].items()}
    for name, facts in columns.items():
        facts["units"] = operation["columns"][name].get("units", 1)
    parameters = {name: known_field(field, enums) for name, field in operation["params"].items()}
    for name, facts in parameters.items():
        facts["required"] = operation["params"][name].get("required", False)
    return {
        "method": operation["method"],
        "response_key": operation["response_key"],
        "shape": operation["shape"],
        "params": parameters,
        "body": {name: known_field(field, enums) for name, field in body.items()},
        "columns": columns,
    }


def known_field(field: dict, enums: dict) -> Facts:
    """What the catalog says of a parameter or column."""
    choices = field.get("enum")
    if isinstance(choices, dict):
        choices = enums[choices["$enum"]]
    facts: Facts = {
        "type": field["type"],
        "format": field.get("format"),
        "nullable": field.get("nullable", False),
        "enum": sorted(choices) if choices else None,
        "default": field.get("default"),
    }
    if "items" in field:
        facts["items"] = known_field(field["items"], enums)
    if "fields" in field:
        facts["fields"] = {name: known_field(inner, enums) for name, inner in field["fields"].items()}
    return facts


# ---- Differences -------------------------------------------------------------------------------------------------------


def differences(ours: dict[str, Facts], theirs: dict[str, Facts]) -> list[str]:
    """One line for each difference, in order of names."""
    lines = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours:
            lines.append(f"+ {name}")
        elif name not in theirs:
            lines.append(f"- {name}")
        else:
            lines.extend(of_operation(name, ours[name], theirs[name]))
    return lines


def of_operation(name: str, ours: Facts, theirs: Facts) -> list[str]:
    """The differences of one operation."""
    lines = []
    for fact in ("method", "response_key", "shape"):
        if ours[fact] != theirs[fact]:
            lines.append(f"~ {name}: {fact} {shown(ours[fact])} -> {shown(theirs[fact])}")
    for part, word in (("params", "parameter"), ("body", "field of the body"), ("columns", "column")):
        lines.extend(of_fields(f"{name} {word} ", ours[part], theirs[part]))
    return lines


def of_fields(place: str, ours: dict[str, Facts], theirs: dict[str, Facts]) -> list[str]:
    """The differences of parameters, columns or fields of objects."""
    lines = []
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in ours:
            lines.append(f"+ {place}{name}: {theirs[name]['type']}")
        elif name not in theirs:
            lines.append(f"- {place}{name}")
        else:
            lines.extend(of_field(f"{place}{name}", ours[name], theirs[name]))
    return lines


def of_field(place: str, ours: Facts, theirs: Facts) -> list[str]:
    """The differences of one parameter or column. What the vendor leaves open is none."""
    lines = []
    for fact in ("type", "format", "nullable", "required", "default", "units"):
        if fact in ours and fact in theirs and ours[fact] != theirs[fact]:
            lines.append(f"~ {place}: {fact} {shown(ours[fact])} -> {shown(theirs[fact])}")
    had, has = (set(side.get("enum") or []) for side in (ours, theirs))
    if had != has:
        changes = [f"+{choice}" for choice in sorted(has - had)] + [f"-{choice}" for choice in sorted(had - has)]
        lines.append(f"~ {place}: enum {' '.join(changes)}")
    if "items" in ours and "items" in theirs and theirs["items"]["type"] != "any":
        lines.extend(of_field(f"{place}[]", ours["items"], theirs["items"]))
    if "fields" in theirs:
        lines.extend(of_fields(f"{place}.", ours.get("fields", {}), theirs["fields"]))
    return lines


def shown(value: object) -> str:
    """A value as a line shows it."""
    return "none" if value is None else json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value


def main() -> int:
    """Prints the differences."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("openapi", type=Path)
    arguments.add_argument("--schemas", type=Path, default=Path(__file__).resolve().parent, help="folder of the catalog")
    arguments.add_argument("--json", action="store_true", help="print a JSON list")
    options = arguments.parse_args()
    try:
        theirs = OpenApi(json.loads(options.openapi.read_text(encoding="utf-8"))).operations()
        lines = differences(catalog(options.schemas), theirs)
    except (OSError, ValueError, Unusable) as error:
        print(f"{options.openapi}: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(lines, ensure_ascii=False, indent=1))
    else:
        print("".join(f"{line}\n" for line in lines), end="")
        print(f"{len(lines)} differences" if lines else "no difference", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
