"""Keeps services that no template uses out of the process: moto's CloudFormation loads every one it knows, for seconds."""

import sys
import types

UNUSED = (
    "apigateway",
    "autoscaling",
    "batch",
    "datapipeline",
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

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {})


def install() -> None:
    """Put an empty module where each unused service would be imported."""
    for name in UNUSED:
        package = _Absent(f"moto.{name}")
        package.__path__ = []
        for module in ("", ".models", ".exceptions", ".utils"):
            sys.modules[f"moto.{name}{module}"] = package if not module else _Absent(f"moto.{name}{module}")
