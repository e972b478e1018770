"""Tests of the comparison of the catalog with the vendor's OpenAPI description. Run by `make test`."""

import contextlib
import copy
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

SCHEMAS = Path(__file__).resolve().parent.parent.parent / "schemas"
sys.path.insert(0, str(SCHEMAS))

import compare_openapi  # noqa: E402


def schema(field, enums):
    """A field of the catalog as OpenAPI has it; what the catalog alone knows is left out."""
    out = {"type": field["type"]} if field["type"] != "any" else {}
    choices = field.get("enum")
    if choices:
        out["enum"] = enums[choices["$enum"]] if isinstance(choices, dict) else choices
    for key in ("format", "default", "nullable"):
        if key in field:
            out[key] = field[key]
    if "items" in field:
        out["items"] = schema(field["items"], enums)
    if field["type"] == "object" and "fields" in field:
        out["properties"] = {name: schema(inner, enums) for name, inner in field["fields"].items()}
    out["description"] = f"**({field.get('units', 1)} units)** What it means."
    return out


def openapi():
    """The whole catalog as an OpenAPI description."""
    enums = json.loads((SCHEMAS / "enums.json").read_text())
    paths = {}
    for path in SCHEMAS.glob("*.json"):
        if path.name in compare_openapi.NOT_SECTIONS:
            continue
        for operation in json.loads(path.read_text()).values():
            row = {"type": "object", "properties": {name: schema(field, enums) for name, field in operation["columns"].items()}}
            content = row if operation["shape"] == "record" else {"type": "array", "items": row}
            answer = {"type": "object", "properties": {operation["response_key"]: content}}
            parameters = [
                {"name": name, "in": "query", "required": field.get("required", False), "schema": schema(field, enums)}
                for name, field in operation["params"].items()
            ]
            method = {"parameters": parameters, "responses": {"200": {"content": {"application/json": {"schema": answer}}}}}
            if operation.get("body"):
                fields = {name: schema(field, enums) for name, field in operation["body"]["fields"].items()}
                body = {"schema": {"type": "object", "properties": fields}}
                method["requestBody"] = {"content": {"application/json": body}}
            paths[operation["path"]] = {operation["method"].lower(): method}
    return {"openapi": "3.0.3", "paths": paths}


class CompareOpenApi(unittest.TestCase):
    """What the comparison says."""

    @classmethod
    def setUpClass(cls):
        cls.same = openapi()

    def compare(self, document, *arguments):
        """Exit status, lines on stdout, text on stderr."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "openapi.json"
            path.write_text(document if isinstance(document, str) else json.dumps(document))
            out, talk = io.StringIO(), io.StringIO()
            with mock.patch.object(sys, "argv", ["compare_openapi.py", str(path), *arguments]):
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(talk):
                    status = compare_openapi.main()
            return status, out.getvalue(), talk.getvalue()

    def anchors(self, document):
        """Parameters by name, and the columns, of one operation."""
        method = document["paths"]["/v3/site-explorer/anchors"]["get"]
        answer = method["responses"]["200"]["content"]["application/json"]["schema"]
        return method, answer["properties"]["anchors"]["items"]["properties"]

    def test_the_catalog_is_no_different_from_itself(self):
        self.assertEqual(self.compare(self.same), (0, "", "no difference\n"))

    def test_operations_that_came_and_went_are_listed(self):
        newer = copy.deepcopy(self.same)
        newer["paths"]["/v3/site-explorer/moods"] = newer["paths"].pop("/v3/site-explorer/anchors")
        status, out, _ = self.compare(newer)
        self.assertEqual((status, out), (1, "- site-explorer/anchors\n+ site-explorer/moods\n"))

    def test_every_kind_of_change_of_a_column_is_listed(self):
        newer = copy.deepcopy(self.same)
        _, columns = self.anchors(newer)
        del columns["lost_links"]
        columns["mood"] = {"type": "number"}
        columns["refdomains"]["description"] = "(10 units) Domains."
        columns["refpages"]["type"] = "number"
        columns["first_seen"] = {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}
        status, out, talk = self.compare(newer)
        self.assertEqual(status, 1)
        place = "site-explorer/anchors column"
        self.assertEqual(out.splitlines(), [
            f"~ {place} first_seen: format date-time -> date",
            f"~ {place} first_seen: nullable false -> true",
            f"- {place} lost_links",
            f"+ {place} mood: number",
            f"~ {place} refdomains: units 5 -> 10",
            f"~ {place} refpages: type integer -> number",
        ])
        self.assertEqual(talk, "6 differences\n")

    def test_parameters_and_their_choices_are_compared(self):
        newer = copy.deepcopy(self.same)
        method, _ = self.anchors(newer)
        by_name = {parameter["name"]: parameter for parameter in method["parameters"]}
        by_name["protocol"]["schema"]["enum"] = ["both", "https", "quic"]
        by_name["mode"]["schema"]["default"] = "exact"
        by_name["limit"]["required"] = True
        method["parameters"].remove(by_name["history"])
        method["parameters"].append({"name": "colour", "in": "query", "schema": {"type": "string"}})
        place = "site-explorer/anchors parameter"
        self.assertEqual(self.compare(newer)[1].splitlines(), [
            f"+ {place} colour: string",
            f"- {place} history",
            f"~ {place} limit: required false -> true",
            f"~ {place} mode: default subdomains -> exact",
            f"~ {place} protocol: enum +quic -http",
        ])

    def test_response_key_shape_bodies_and_inner_fields_are_compared(self):
        newer = copy.deepcopy(self.same)
        method, columns = self.anchors(newer)
        answer = method["responses"]["200"]["content"]["application/json"]["schema"]
        answer["properties"] = {"words": {"type": "object", "properties": columns}}
        counts = newer["paths"]["/v3/site-explorer/ai-responses-count"]["get"]
        schema_of_counts = counts["responses"]["200"]["content"]["application/json"]["schema"]
        next(iter(schema_of_counts["properties"].values()))["properties"]["gemini"]["properties"]["brands"] = {"type": "integer"}
        body = newer["paths"]["/v3/batch-analysis/batch-analysis"]["post"]["requestBody"]["content"]["application/json"]
        del body["schema"]["properties"]["volume_mode"]
        self.assertEqual(self.compare(newer)[1].splitlines(), [
            "- batch-analysis/batch-analysis field of the body volume_mode",
            "+ site-explorer/ai-responses-count column gemini.brands: integer",
            "~ site-explorer/anchors: response_key anchors -> words",
            "~ site-explorer/anchors: shape rows -> record",
        ])

    def test_references_are_followed(self):
        newer = copy.deepcopy(self.same)
        _, columns = self.anchors(newer)
        newer["components"] = {"schemas": {"Links": columns["refpages"]}}
        columns["refpages"] = {"$ref": "#/components/schemas/Links"}
        self.assertEqual(self.compare(newer)[0], 0)
        columns["refpages"] = {"$ref": "#/components/schemas/Nothing"}
        status, _, talk = self.compare(newer)
        self.assertEqual(status, 2)
        self.assertIn("leads nowhere", talk)

    def test_what_is_no_openapi_is_refused(self):
        for text in ("<html>", "[]", "{}", '{"paths": []}'):
            self.assertEqual(self.compare(text)[0], 2, text)

    def test_json_is_a_list_of_the_same_lines(self):
        newer = copy.deepcopy(self.same)
        del newer["paths"]["/v3/site-explorer/anchors"]
        self.assertEqual(json.loads(self.compare(newer, "--json")[1]), ["- site-explorer/anchors"])


if __name__ == "__main__":
    unittest.main()
