"""One word, every place: a use case's name is its folder, its handler, its resource, its state, its log service, its test."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from tests.support.stacks import ROOT, Resource, tenant

FUNCTIONS = sorted(path.name for path in (ROOT / "functions").iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))
MACHINES = {
    path.name.removesuffix(".asl.json"): json.loads(path.read_text("utf-8")) for path in (ROOT / "statemachines").glob("*.asl.json")
}
RIS = ROOT / "layers" / "ris" / "python" / "ris"
# A function that takes in whatever comes is named by its queue; the use cases it calls have names of their own.
SEVERAL_USE_CASES = {"portal", "intake_hl7", "intake_dicom"}
# A subject that is no function: what decorators, adapters and every function may say.
LOG_SUBJECTS = {"task", "queue", "remote", "revocation"}


def pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def entry(name: str) -> str:
    return "app" if name == "portal" else "handler"


def deployed(name: str) -> Resource:
    return tenant().resources[f"{pascal(name)}Function"]


def test_folders_and_deployed_functions_are_the_same() -> None:
    assert {f"{pascal(name)}Function" for name in FUNCTIONS} == {r.logical_id for r in tenant().all("AWS::Lambda::Function")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_called_the_same_everywhere(name: str) -> None:
    properties = deployed(name).properties

    assert properties["Code"]["S3Key"].endswith(f"functions/{name}")
    assert properties["Handler"] == f"{entry(name)}.handler"
    assert properties["FunctionName"] == f"ris-demo-{name}"
    assert properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == name
    assert properties["LoggingConfig"]["LogGroup"] == f"/aws/lambda/ris-demo-{name}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_its_handler_and_nothing_beside_it(name: str) -> None:
    (file,) = [path for path in (ROOT / "functions" / name).iterdir() if path.suffix or path.is_file()]
    names = {node.name for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}
    names |= {
        target.id
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    assert file.name == f"{entry(name)}.py"
    assert "handler" in names


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - SEVERAL_USE_CASES))
def test_a_function_is_a_use_case_of_that_name(name: str) -> None:
    (file,) = (RIS / "application").glob(f"*/{name}.py")

    assert name in {node.name for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_invoked_by_a_state_a_queue_a_schedule_or_the_api(name: str) -> None:
    function = deployed(name)
    mapped = {mapping.properties["FunctionName"] for mapping in tenant().all("AWS::Lambda::EventSourceMapping")}
    scheduled = {target["Arn"] for rule in tenant().all("AWS::Events::Rule") for target in rule.properties["Targets"]}
    forwarded = json.dumps(tenant().named("AWS::ApiGatewayV2::Api").properties["Body"])
    substituted = {arn for machine in machines().values() for arn in machine.properties["DefinitionSubstitutions"].values()}

    assert function.reference in mapped or function.arn in scheduled | substituted or function.arn in forwarded


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_tests_of_its_name(name: str) -> None:
    pattern = "tests/portal/test_*.py" if name == "portal" else f"tests/**/test_{name}*.py"

    assert list(ROOT.glob(pattern))


def machines() -> dict[str, Resource]:
    return {resource.logical_id: resource for resource in tenant().all("AWS::StepFunctions::StateMachine")}


def test_definitions_and_deployed_machines_are_the_same() -> None:
    assert {f"{pascal(name)}StateMachine" for name in MACHINES} == set(machines())


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_has_a_test_and_each_substitution_is_used(name: str) -> None:
    given = set(machines()[f"{pascal(name)}StateMachine"].properties["DefinitionSubstitutions"])

    assert given == set(re.findall(r"\$\{(\w+)\}", json.dumps(MACHINES[name])))
    assert list((ROOT / "tests" / "statemachines").glob(f"test_{name}*.py"))


@pytest.mark.parametrize("name", MACHINES)
def test_a_state_that_invokes_a_function_bears_its_name(name: str) -> None:
    for state, body in tasks(MACHINES[name]):
        if body["Resource"].startswith("arn:aws:states:::lambda:invoke"):
            function = re.fullmatch(r"\$\{(\w+)FunctionArn\}", body["Parameters"]["FunctionName"])
            assert function is not None
            # The channel may follow where one function serves several branches (RecordOutcomeDmp).
            assert re.fullmatch(rf"{function[1]}([A-Z][A-Za-z0-9]*)?", state)


def tasks(machine: dict) -> list[tuple[str, dict]]:
    found = []
    for state, body in machine["States"].items():
        if body["Type"] == "Task":
            found.append((state, body))
        for inner in [*body.get("Branches", []), *([body["ItemProcessor"]] if "ItemProcessor" in body else [])]:
            found += tasks(inner)
    return found


def test_a_log_line_is_coded_by_its_function() -> None:
    tree = ast.parse((RIS / "observability" / "log_references.py").read_text("utf-8"))
    codes = [t.id for node in ast.walk(tree) if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)]

    assert codes
    for code in codes:
        subject, number = code.rsplit("_", 1)
        assert subject.lower() in {*FUNCTIONS, *LOG_SUBJECTS}, code
        assert re.fullmatch(r"\d{3}", number)


def test_every_log_line_is_said_somewhere_and_every_one_said_exists() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in python_sources())
    said = set(re.findall(r"LogReference\.([A-Z0-9_]+)", sources))
    tree = ast.parse((RIS / "observability" / "log_references.py").read_text("utf-8"))
    known = {t.id for node in ast.walk(tree) if isinstance(node, ast.Assign) for t in node.targets if isinstance(t, ast.Name)}

    assert said == known


def python_sources() -> list[Path]:
    return [*RIS.rglob("*.py"), *(ROOT / "functions").rglob("*.py")]


def test_the_contexts_are_the_six_words() -> None:
    contexts = {"agenda", "identity", "report", "dispatch", "usage", "access"}
    for layer in ("domain", "application", "adapters"):
        folders = {path.name for path in (RIS / layer).iterdir() if path.is_dir() and not path.name.startswith("__")}
        assert folders <= contexts | {"reference", "keys"}, layer


def test_the_settings_that_are_read_are_those_that_are_deployed() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in python_sources())
    read = set(re.findall(r"environ(?:\.get\(|\[)f?[\"']([A-Z][A-Z_]+)[\"']", sources))
    read |= {f"{word}_{ending}" for word in ("OIDC", "PSC") for ending in ("URL", "SECRET_ARN") if f"{{word}}_{ending}" in sources}
    tables = {name for name in deployed_settings() if name.startswith("TABLE_")}
    of_the_runtime = {"AWS_REGION", "AWS_XRAY_SDK_ENABLED"}

    assert read - of_the_runtime - tables <= deployed_settings()
    # Tables are read by a prefix and a name: `TABLE_{name}`.
    assert {name for name in deployed_settings() - tables if name not in read} == set()


def deployed_settings() -> set[str]:
    functions = tenant().all("AWS::Lambda::Function")
    return {name for function in functions for name in function.properties["Environment"]["Variables"]}
