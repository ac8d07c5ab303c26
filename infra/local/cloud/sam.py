"""Reads a SAM template as it lies in the repository and expands it, offline, as `sam package` and the SAM transform would."""

import copy
import functools
import json
import re
from pathlib import Path
from typing import Any

import yaml

from infra.local.cloud.names import CODE_BUCKET, REGION, UnknownToTheLocalCloud

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_PATHS = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}
"""Property that names a local file or folder, by resource type."""


class _Loader(_LOADER):  # type: ignore[misc, valid-type]
    """YAML with CloudFormation's short tags."""


def _tag(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tag)


def load(path: Path) -> dict[str, Any]:
    """Read a template.

    Args:
        path: A YAML or JSON file.

    Returns:
        The template with the long form of every intrinsic function.
    """
    template: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    return template


def code_path(key: str) -> Path:
    """Turn the key of an object in the code bucket back into the path it stands for."""
    return Path("/", key)


def expand(path: Path, parameters: dict[str, Any]) -> dict[str, Any]:
    """Read a template and expand it to plain CloudFormation.

    Args:
        path: The template's file; the paths it names are relative to its folder.
        parameters: Values of the template's parameters, which SAM needs to know.

    Returns:
        A template of plain CloudFormation resources; nested stacks name the absolute path of their file.
    """
    template = load(path)
    _localise(template, path.parent.resolve())
    if not _is_sam(template):
        return template
    return _transform(template, parameters)


def _is_sam(template: dict[str, Any]) -> bool:
    transforms = template.get("Transform", [])
    return "AWS::Serverless-2016-10-31" in ([transforms] if isinstance(transforms, str) else transforms)


def _localise(template: dict[str, Any], folder: Path) -> None:
    """Do what `sam package` does, with the file system as the bucket."""
    function_globals = template.get("Globals", {}).get("Function", {})
    if "CodeUri" in function_globals:
        function_globals["CodeUri"] = _uri(folder, function_globals["CodeUri"])
    for name, resource in template.get("Resources", {}).items():
        kind, properties = resource["Type"], resource.setdefault("Properties", {})
        if kind in _PATHS and isinstance(properties.get(_PATHS[kind]), str):
            properties[_PATHS[kind]] = _uri(folder, properties[_PATHS[kind]])
        elif kind == "AWS::CloudFormation::Stack":
            properties["TemplateURL"] = _existing(folder, properties["TemplateURL"], name)


def _existing(folder: Path, location: Any, name: str) -> str:
    path = (folder / location).resolve() if isinstance(location, str) else None
    if path is None or not path.is_file():
        raise UnknownToTheLocalCloud(f"nested stack {name}: no local file {location!r}")
    return str(path)


def _uri(folder: Path, location: str) -> str:
    path = (folder / location).resolve()
    if not path.exists():
        raise UnknownToTheLocalCloud(f"no local file or folder {location!r}")
    return f"s3://{CODE_BUCKET}{path}"


class _ManagedPolicies(dict[str, str]):
    """The ARN of any AWS managed policy, by its name."""

    def get(self, key: str, default: Any = None) -> Any:
        if not isinstance(key, str) or not re.fullmatch(r"[A-Za-z0-9_/-]+", key):
            return default
        return f"arn:aws:iam::aws:policy/{key}"


class _PolicyLoader:
    def load(self) -> dict[str, str]:
        return _ManagedPolicies()


def _transform(template: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    from samtranslator.model.exceptions import InvalidDocumentException
    from samtranslator.translator.transform import transform

    try:
        return transform(copy.deepcopy(template), {"AWS::Region": REGION, **parameters}, _PolicyLoader())
    except InvalidDocumentException as error:
        raise UnknownToTheLocalCloud("; ".join(cause.message for cause in error.causes)) from None


@functools.cache
def json_of(path: Path, parameters: tuple[tuple[str, str], ...]) -> str:
    """Expand a template once per set of parameters; a site's stack is deployed several times."""
    return json.dumps(expand(path, dict(parameters)))
