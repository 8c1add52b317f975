"""JSON Schemas of the files that people write, for their editors, generated from the models."""

from collections.abc import Mapping
from typing import Any

import msgspec

from contract.site import SiteFile


def site_schema(sections: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of any file of a site directory; `site` is needed in one of them only.

    `sections` are those that others read from the same files, by name, with their types.
    """
    known = [(field.name, field.type, field.default) for field in msgspec.structs.fields(SiteFile)]
    more = [(name, kind | None, None) for name, kind in sections.items()]
    whole = msgspec.defstruct("SiteFile", [*known, *more], forbid_unknown_fields=True, kw_only=True)
    whole.__doc__ = SiteFile.__doc__
    return part_schema(whole, "A file of a Sitewarden site directory", optional=("site",))


def part_schema(model: Any, title: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:  # noqa: ANN401 - any model
    """The JSON Schema of `model`, with `optional` taken from what it requires."""
    (shape,), components = msgspec.json.schema_components([model], ref_template="#/$defs/{name}")
    root = components.pop(shape["$ref"].rsplit("/", 1)[1]) if "$ref" in shape else shape
    if "required" in root:
        root["required"] = [name for name in root["required"] if name not in optional]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "title": title,
        "$defs": components,
    }
