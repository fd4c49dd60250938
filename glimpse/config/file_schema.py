"""JSON schema of config files, as they may be written: with `extends`, and parts named by their kinds alone.

A file that extends others gives some keys only, and those that it leaves out are in the others. So each section has two
schemas: the complete one of a file that stands alone, and one without required keys, whose name ends in `-part`.
"""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from glimpse.agents.attention.masks import by_name
from glimpse.config.experiment import Experiment
from glimpse.config.parts import kinds_of

_NAMES = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_PART = "-part"


def experiment_schema() -> dict[str, Any]:
    """Return the JSON schema of a config file, for completion and checks in an editor."""
    whole = Experiment.model_json_schema(schema_generator=_Whole)
    part = Experiment.model_json_schema(schema_generator=_Part, ref_template=f"#/$defs/{{model}}{_PART}")
    definitions = whole["$defs"] | {f"{name}{_PART}": schema for name, schema in part["$defs"].items()}
    _add_short_forms([whole, part, definitions], definitions)
    whole["properties"]["train"] = {"allOf": [whole["properties"]["train"], {"oneOf": [*map(_budget, _BUDGETS)]}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": whole["title"],
        "description": whole["description"],
        "type": "object",
        "properties": {
            "extends": {**_NAMES, "description": "Configs to start from, relative to this file, or by their names."},
            **part["properties"],
        },
        "additionalProperties": False,
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": whole["required"], "properties": whole["properties"]},
        "$defs": definitions,
    }


_BUDGETS = {"steps": "integer", "minutes": "number"}


def _budget(key: str) -> dict[str, Any]:
    """Return the schema of a section `train` with one of the two budgets."""
    return {"required": [key], "properties": {key: {"type": _BUDGETS[key]}}}


def _add_short_forms(schema: Any, definitions: dict[str, Any]) -> None:
    """Let a part be named by its kind alone, in each union by `kind`, where the kind has no required keys."""
    for inner in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(inner, dict | list):
            _add_short_forms(inner, definitions)
    union = schema.get("discriminator") if isinstance(schema, dict) else None
    if isinstance(union, dict) and union.get("propertyName") == "kind":
        kinds = [kind for kind, ref in union["mapping"].items() if not _definition(ref, definitions).get("required")]
        if {"enum": kinds} not in schema["anyOf"]:  # Some schemas are reached twice.
            schema["anyOf"].append({"enum": kinds})


def _definition(ref: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that a reference refers to."""
    found: dict[str, Any] = definitions[ref.rpartition("/")[2]]
    return found


class _Whole(GenerateJsonSchema):
    """Generator of the schemas of complete sections."""

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Return a union by `name` or `kind`; where this key is left out, a section may be any of the union."""
        names: dict[str, list[str]] = {}
        for name, choice in schema["choices"].items():
            names.setdefault(self.generate_inner(choice)["$ref"], []).append(str(name))
        key, variants = "kind", [{"$ref": ref} for ref in names]
        if callable(schema["discriminator"]):  # See `registry_sections.py`.
            key, variants = "name", [self._named(ref, known) for ref, known in names.items()]
        return {
            "anyOf": variants,
            "discriminator": {
                "propertyName": key,
                "mapping": {name: ref for ref, known in names.items() for name in known},
            },
        }

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """Return a part of one kind that may be named by it alone."""
        inner, model = super().function_before_schema(schema), schema["schema"]
        if schema["function"]["function"] is not by_name or model["type"] != "model":
            return inner
        return {"anyOf": [inner, {"enum": list(kinds_of(model["cls"]))}]}

    def _named(self, ref: str, names: list[str]) -> JsonSchemaValue:
        """Return the schema of a section with one of the names that share a class of options."""
        return {"allOf": [{"$ref": ref}], "properties": {"name": {"enum": names}}, "required": ["name"]}


class _Part(_Whole):
    """Generator of the schemas of sections that leave out what extended files say."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        """Return False: another file may give any key."""
        return False

    def _named(self, ref: str, names: list[str]) -> JsonSchemaValue:
        return {key: value for key, value in super()._named(ref, names).items() if key != "required"}
