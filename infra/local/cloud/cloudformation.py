"""CloudFormation: what moto drops silently stops the start here, and nested stacks come from local files."""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.cloudformation import models, parsing
from moto.cloudformation.models import cloudformation_backends
from moto.core.common_models import CloudFormationModel

from infra.local.cloud import sam
from infra.local.cloud.names import ACCOUNT, REGION, UnknownToTheLocalCloud

Attributes = dict[str, Any]
Create = Callable[[str, str, dict[str, Any]], "tuple[str, Attributes]"]


class Resource:
    """Base of the resource types that moto lacks; `plugin` makes one class per type."""

    def __init__(self, physical_resource_id: str, attributes: Attributes, properties: dict[str, Any]) -> None:
        self.physical_resource_id = physical_resource_id
        self.attributes = attributes
        self.properties = properties

    def get_cfn_attribute(self, name: str) -> Any:
        """Return an attribute, or stop."""
        if name not in self.attributes:
            raise UnknownToTheLocalCloud(f"attribute {name} of {self.cf_resource_type}")
        return self.attributes[name]

    @classmethod
    def has_cfn_attr(cls, _attr: str) -> bool:
        """Leave the check to `get_cfn_attribute`, which names what is missing."""
        return True

    def is_created(self) -> bool:
        """Tell that creation is immediate."""
        return True


def plugin(resource_type: str, create: Create, name_property: str = "Name") -> None:
    """Teach moto a resource type.

    Args:
        resource_type: Its CloudFormation name.
        create: Takes the logical id, the physical name and the resolved properties; returns what `Ref` gives and the attributes.
        name_property: Property that carries the physical name.
    """

    class Plugin(Resource, CloudFormationModel):
        """A direct subclass of moto's model: that is how moto finds resource types."""

        @staticmethod
        def cloudformation_type() -> str:
            return resource_type

        @staticmethod
        def cloudformation_name_type() -> str:
            return name_property

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: dict[str, Any], *_: Any, **kwargs: Any
        ) -> "Plugin":
            properties = cloudformation_json.get("Properties", {})
            reference, attributes = create(kwargs["LogicalId"], resource_name, properties)
            return cls(reference, attributes, properties)

    _PLUGINS.append(Plugin)  # moto holds its subclasses weakly
    _forget_models()


_PLUGINS: list[type[CloudFormationModel]] = []


def _forget_models() -> None:
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()


def install() -> None:
    """Make the parser strict and nested stacks local."""
    parsing.resource_class_from_type = _resource_class
    parsing.clean_json = _strict(parsing.clean_json)
    models.Stack.parse_template = staticmethod(json.loads)  # what we deploy is JSON; as YAML it takes half a second
    models.Stack.create_from_cloudformation_json = classmethod(_nested_stack)
    models.Stack.get_cfn_attribute = _stack_output


def _resource_class(resource_type: str) -> type[CloudFormationModel]:
    known = parsing.get_model_map()
    if resource_type not in known:
        raise UnknownToTheLocalCloud(f"resource type {resource_type}")
    return known[resource_type]


def _strict(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Refuse what moto drops, a reference to what was not made, and keep attribute names whole."""

    def clean_json(value: Any, resources: Any) -> Any:
        if isinstance(value, dict):
            if "Ref" in value:
                return _reference(original, value, resources)
            if "Fn::GetAtt" in value:
                name, *rest = value["Fn::GetAtt"]
                value = {"Fn::GetAtt": [name, ".".join(rest)]}
        return original(value, resources)

    return clean_json


def _reference(original: Callable[[Any, Any], Any], value: dict[str, Any], resources: Any) -> Any:
    name = value["Ref"]
    try:
        found = original(value, resources)
    except KeyError:
        raise UnknownToTheLocalCloud(f"reference to {name}") from None
    if found is None and name != "AWS::NoValue":
        raise UnknownToTheLocalCloud(f"reference to {name}, which is not deployed")
    return found


def _text(value: Any) -> str:
    """Turn a nested stack's parameter into the string that CloudFormation passes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(_text(entry) for entry in value)
    return str(value)


def _nested_stack(_cls: type, resource_name: str, cloudformation_json: dict[str, Any], *_: Any, **__: Any) -> Any:
    properties = cloudformation_json["Properties"]
    return deploy(resource_name, Path(properties["TemplateURL"]), properties.get("Parameters", {}))


def _stack_output(stack: Any, attribute: str) -> Any:
    name = attribute.removeprefix("Outputs.")
    output = stack.output_map[name] if name in stack.output_map.outputs else None
    if output is None:
        raise UnknownToTheLocalCloud(f"output {name} of the stack {stack.name}")
    return output.value


def deploy(name: str, path: Path, parameters: dict[str, Any]) -> Any:
    """Deploy a template as a stack.

    Args:
        name: The stack's name.
        path: The template's file.
        parameters: Values of its parameters; an unknown one is refused, as on AWS.

    Returns:
        moto's stack.

    Raises:
        UnknownToTheLocalCloud: The template holds what the embedded cloud does not do.
    """
    texts = {key: _text(value) for key, value in parameters.items()}
    template = sam.json_of(path, tuple(sorted(texts.items())))
    _check_parameters(name, json.loads(template).get("Parameters", {}), texts)
    stacks = cloudformation_backends[ACCOUNT][REGION].stacks
    before = set(stacks)
    try:
        return cloudformation_backends[ACCOUNT][REGION].create_stack(name, template, texts)
    except Exception:
        for half_made in stacks.keys() - before:
            del stacks[half_made]
        raise


def _check_parameters(stack: str, declared: dict[str, Any], given: dict[str, str]) -> None:
    if unknown := given.keys() - declared.keys():
        raise UnknownToTheLocalCloud(f"parameter {sorted(unknown)[0]} of the stack {stack}")
    for key, declaration in declared.items():
        if key not in given and "Default" not in declaration:
            raise UnknownToTheLocalCloud(f"no value for the parameter {key} of the stack {stack}")
        value = given.get(key, _text(declaration.get("Default", "")))
        allowed = [_text(entry) for entry in declaration.get("AllowedValues", [value])]
        if value not in allowed or not re.fullmatch(declaration.get("AllowedPattern", r"[\s\S]*"), value):
            raise UnknownToTheLocalCloud(f"value {value!r} of the parameter {key} of the stack {stack}")


def outputs(stack: Any) -> dict[str, Any]:
    """Return the outputs of a deployed stack."""
    return {output.key: output.value for output in stack.output_map.values() if output}


def resources(name: str | None = None) -> Iterable[tuple[str, Any]]:
    """Go over every resource of every stack, as logical id and moto's object."""
    for stack in cloudformation_backends[ACCOUNT][REGION].stacks.values():
        if name in (None, stack.name):
            yield from (
                (key, stack.resource_map[key]) for key in stack.resource_map.resources if stack.resource_map[key] is not None
            )
