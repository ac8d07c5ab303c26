"""Keeps services that no template uses out of the process: moto's CloudFormation loads every one it knows, for seconds."""

import sys
import types

UNUSED = (
    "apigateway",
    "autoscaling",
    "batch",
    "datapipeline",
    "ec2",
    "ecr",
    "ecs",
    "efs",
    "elb",
    "elbv2",
    "emr",
    "iot",
    "rds",
    "redshift",
    "route53",
    "sagemaker",
)


class _Anything(type):
    """Class of a class that has every attribute."""

    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class _Absent(types.ModuleType):
    """A service that is not there: its names exist and do nothing, its resource types are unknown."""

    __path__: list[str] = []  # noqa: RUF012 - what makes a module a package; nothing is found in it

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {})


def install() -> None:
    """Put an empty module where each unused service would be imported."""
    for name in UNUSED:
        package = _Absent(f"moto.{name}")
        sys.modules[package.__name__] = package
        for module in ("models", "models.core", "exceptions", "utils"):
            sys.modules[f"moto.{name}.{module}"] = _Absent(f"moto.{name}.{module}")
