"""The command as a whole: what a newcomer reads, how a deployment is named, what failures say, and that no function imports it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore.exceptions import NoRegionError
from typer.testing import CliRunner

from ris.application.conflicts import Conflict
from ris.cli import app as whole
from ris.cli.failures import SENTENCES, told
from ris.cli.settings import VARIABLES, need, use_stack_outputs
from ris.domain.errors import RemoteUnavailable

ROOT = Path(__file__).parents[2]
RUNNER = CliRunner()


def ris(*words: object) -> Any:
    return RUNNER.invoke(whole.build(), [str(word) for word in words], env={"COLUMNS": "200", "TERM": "dumb"})


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test change the environment and put it back."""
    monkeypatch.setattr(os, "environ", {name: value for name, value in os.environ.items() if name not in VARIABLES})


@pytest.mark.parametrize(
    ("words", "taught"),
    [
        (("--help",), ["reference check", "--dry-run", "site list", "messages list", "--stack-outputs"]),
        ((), ["reference", "site", "messages"]),
        (("reference", "--help"), ["check", "load", "infra/local/demo/reference"]),
        (("reference", "load", "--help"), ["DOSSIER", "--dry-run", "--json"]),
        (("site", "--help"), ["list"]),
        (("messages", "--help"), ["list", "replay", "dismiss"]),
        (("messages", "dismiss", "--help"), ["SITE", "MESSAGE", "--yes"]),
        (("messages", "replay", "--help"), ["--all", "--dry-run", "--reason"]),
        (("messages", "--help"), ["Exemples"]),
        (("dispatch", "--help"), ["Exemples", "stuck", "retry"]),
        (("audit", "--help"), ["Exemples", "verify", "export"]),
        (("certificates", "--help"), ["Exemples", "list", "csr", "put"]),
        (("proof", "--help"), ["CRR.02"]),
    ],
)
def test_the_help_teaches(words: tuple[str, ...], taught: list[str]) -> None:
    result = ris(*words)

    assert result.exit_code in (0, 2)
    assert [word for word in taught if word not in result.output] == []


@pytest.mark.parametrize(
    "words", [("site", "list"), ("reference", "load", "infra/local/demo/reference"), ("messages", "list", "nord")]
)
def test_without_a_deployment_one_learns_how_to_name_one(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    result = ris(*words)

    assert result.exit_code == 2
    assert "--stack-outputs" in result.stderr
    assert "TABLE_REFERENCE" in result.stderr


def _written(path: Path, value: object) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_the_outputs_of_cloudformation_name_a_deployment(tmp_path: Path) -> None:
    listed = [{"OutputKey": output, "OutputValue": f"ris-acme-{output}"} for output in VARIABLES.values()]
    listed += [{"OutputKey": "PatientsTable", "OutputValue": "ris-acme-patients"}]

    use_stack_outputs(_written(tmp_path / "f", {"Stacks": [{"Outputs": listed}]}))

    assert os.environ["TABLE_REFERENCE"] == "ris-acme-ReferenceTable"
    assert os.environ["SITE_QUEUE_PREFIX"] == "ris-acme"
    assert "AWS_ENDPOINT_URL" not in os.environ
    need(*VARIABLES)


def test_every_output_the_command_reads_is_one_of_the_template() -> None:
    template = (ROOT / "template.yaml").read_text().split("\nOutputs:\n")[1]

    assert [output for output in VARIABLES.values() if f"  {output}:\n" not in template] == []


def test_the_embedded_cloud_s_file_leads_to_the_loopback_with_credentials_that_are_none(tmp_path: Path) -> None:
    os.environ.update(AWS_ACCESS_KEY_ID="a real one", AWS_SESSION_TOKEN="a real one", AWS_PROFILE="production")
    state = {"endpoint": "http://127.0.0.1:5000", "region": "eu-west-3", "outputs": {"ReferenceTable": "t"}}

    use_stack_outputs(_written(tmp_path / "f", state))

    assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5000"
    assert "a real one" not in os.environ.values()
    assert "AWS_PROFILE" not in os.environ


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", {"outputs": {"Other": "x"}}, {"outputs": 7}, {"Stacks": []},
     {"endpoint": "http://attacker.example", "outputs": {"ReferenceTable": "t"}}],
)  # fmt: skip
def test_a_file_that_names_no_deployment_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(typer.BadParameter):
        use_stack_outputs(_written(tmp_path / "f", content))

    assert "AWS_ENDPOINT_URL" not in os.environ
    with pytest.raises(typer.BadParameter):
        use_stack_outputs(tmp_path / "absent")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RemoteUnavailable("cloud_unavailable", detail="AccessDeniedException"), ["AWS", "AccessDeniedException"]),
        (RemoteUnavailable("something_new"), ["something_new"]),
        (Conflict("x"), ["recommencer"]),
        (NoRegionError(), ["AWS", "NoRegionError"]),
        (FileNotFoundError(2, "no", "settings.json"), ["settings.json"]),
    ],
)
def test_a_failure_is_told_in_one_sentence(error: Exception, words: list[str]) -> None:
    sentence = told(error)

    assert sentence
    assert sentence.startswith("Échec : ")
    assert "\n" not in sentence
    assert [word for word in words if word not in sentence] == []


def test_a_bug_of_ours_is_not_dressed_up() -> None:
    assert told(KeyError("x")) is None
    assert all(sentence[0].islower() or sentence.startswith("AWS") for sentence in SENTENCES.values())


def test_the_command_of_this_installation_ends_with_status_1_and_no_stack_when_aws_is_away() -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "TABLE_REFERENCE": "t",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_DEFAULT_REGION": "eu-west-3",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_MAX_ATTEMPTS": "1",
    }

    done = subprocess.run(
        [Path(sys.executable).with_name("ris"), "site", "list"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Échec : AWS")
    assert "Traceback" not in done.stderr


# Commands that other packages contribute.


class _Point(EntryPoint):
    loaded: Any = None

    def load(self) -> Any:
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def _contributing(monkeypatch: pytest.MonkeyPatch, loaded: object) -> None:
    kind = type("_Loaded", (_Point,), {"loaded": loaded})
    monkeypatch.setattr(whole, "entry_points", lambda group: [kind("gateway", "gateways.edge.cli:app", group)])


def test_a_family_of_another_package_is_one_of_the_command_s(monkeypatch: pytest.MonkeyPatch) -> None:
    family = typer.Typer(help="Une passerelle.")
    family.command("run")(lambda: typer.echo("runs"))
    family.command("status")(lambda: typer.echo("is well"))
    _contributing(monkeypatch, family)

    assert "Une passerelle." in ris("--help").output
    assert ris("gateway", "run").stdout == "runs\n"


@pytest.mark.parametrize(
    ("loaded", "missing"), [(ModuleNotFoundError("no", name="pynetdicom"), "pynetdicom"), ("no Typer", "gateways.edge.cli:app")]
)
def test_a_family_that_cannot_be_loaded_says_what_is_missing_and_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, loaded: object, missing: str
) -> None:
    _contributing(monkeypatch, loaded)

    result = ris("gateway", "run", "--config", "x")

    assert (result.exit_code, missing in result.stderr) == (2, True)
    assert ris("reference", "check", ROOT / "infra" / "local" / "demo" / "reference").exit_code == 0


def test_no_function_and_no_page_imports_the_command_or_what_only_it_needs() -> None:
    code = "import sys; import ris.bootstrap.portal, ris.bootstrap.access, ris.bootstrap.intake; print(sorted(set(sys.modules) & {'typer', 'rich', 'ris.cli'}))"

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "layers/ris/python")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "[]"


# What shows a requirement.


def test_a_requirement_leads_to_its_tests(tmp_path: Path) -> None:
    told = ris("proof", "CRR.02", "--root", ROOT / "docs")
    document = json.loads(ris("proof", "CRR.02", "--root", ROOT, "--json").output)

    assert 0 == told.exit_code
    assert document["tests"]
    for test in document["tests"]:
        file, _, name = test.partition("::")
        assert not name or f"def {name}(" in (ROOT / file).read_text(), test
        assert test in told.output


def test_all_requirements_are_listed_with_how_many_tests_show_each() -> None:
    found = json.loads(ris("proof", "--root", ROOT, "--json").output)

    assert 117 == len(found)
    assert all(each["title"] for each in found)


@pytest.mark.parametrize("words", [("CRR.99",), ("../../etc",), ("CRR.02", "--root", "/")])
def test_what_is_no_requirement_or_no_source_folder_is_said(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    assert 2 == ris("proof", *words).exit_code


def test_every_command_that_answers_has_json() -> None:
    without = []
    for family in whole.build().registered_groups:
        assert family.typer_instance
        for command in family.typer_instance.registered_commands:
            assert command.callback
            if family.name != "gateway" and "as_json" not in command.callback.__annotations__:
                without.append(f"{family.name} {command.name or command.callback.__name__}")

    assert [] == without
