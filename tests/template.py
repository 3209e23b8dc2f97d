"""template.yaml as data; CloudFormation's short forms become its long ones (`!Ref x` is `{"Ref": "x"}`)."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from tests.server import ROOT

PATH = ROOT / "template.yaml"


class _Loader(yaml.SafeLoader):
    pass


def _long_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".")
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _long_form)


@cache
def template() -> dict[str, Any]:
    return dict(yaml.load(PATH.read_text(), _Loader))


def module_of(function: dict[str, Any]) -> str:
    """The module of functions/ that a function of the template runs, such as `health`."""
    return str(function["Environment"]["Variables"]["FUNCTION_MODULE"]).removeprefix("functions.")


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of every resource of a type, by name."""
    return {
        name: resource["Properties"]
        for name, resource in template()["Resources"].items()
        if resource["Type"] == kind
    }
