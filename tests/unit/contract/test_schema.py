"""The schemas for editors agree with what the loader takes."""

import json

import jsonschema
import pytest

from contract.schema import site_schema
from contract.site_files import shipped_config
from contract.yamlfile import load_yaml
from sitewarden.check import SECTIONS


def test_the_site_schema_is_valid_and_takes_the_shipped_site() -> None:
    schema = json.loads(json.dumps(site_schema(SECTIONS)))
    jsonschema.Draft202012Validator.check_schema(schema)
    paths = sorted((shipped_config() / "sites" / "demo").glob("*.yaml"))
    assert paths
    for path in paths:
        value = json.loads(json.dumps(load_yaml(path).value, default=str))
        jsonschema.validate(value, schema)


def test_the_site_schema_marks_an_unknown_field() -> None:
    with pytest.raises(jsonschema.ValidationError, match="zoen"):
        jsonschema.validate({"devices": [{"id": "a", "zoen": "b"}]}, site_schema({}))
