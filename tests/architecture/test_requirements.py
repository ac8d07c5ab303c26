"""The list of requirements is whole, the markers name what is on it, and the document is what the tests say."""

from __future__ import annotations

import ast
from collections import Counter

from tests.requirements import DOCUMENT, FAMILIES, REQUIREMENTS, _marked, document, markers


def test_the_list_has_its_hundred_and_seventeen_ids() -> None:
    families = Counter(requirement.split(".")[0] for requirement in REQUIREMENTS)
    whole = {"INS": 58, "MSS": 25, "CRR": 7, "DMP": 7, "DOC": 6, "ANN": 5, "TBB": 3, "AUTH": 2}

    assert dict(families) == {**whole, "AC": 1, "INTRA": 1, "PORT": 1, "PSC": 1}
    assert set(FAMILIES) == set(families)
    for family, count in families.items():
        assert [f"{family}.{number:02d}" for number in range(1, count + 1)] == [
            r for r in REQUIREMENTS if r.startswith(f"{family}.")
        ]


def test_every_marker_names_a_requirement_of_the_list() -> None:
    assert not [marker for marker in markers() if marker.requirement not in REQUIREMENTS]


def test_the_document_is_what_the_tests_say() -> None:
    # Stale? python -m tests.requirements
    assert DOCUMENT.read_text("utf-8") == document()


def test_a_marker_is_found_on_a_test_a_class_a_parameter_and_a_module() -> None:
    source = """
pytestmark = [pytest.mark.slow, pytest.mark.segur("PSC.01")]

@pytest.mark.segur("CRR.01", "CRR.02")
class TestReport:
    @pytest.mark.segur("DOC.01")
    def test_inside(self): ...

@pytest.mark.parametrize("one", [pytest.param(1, marks=pytest.mark.segur("INS.01"))])
def test_outside(one): ...
"""

    assert set(_marked(ast.parse(source), "")) == {
        ("PSC.01", ""),
        ("CRR.01", "TestReport"),
        ("CRR.02", "TestReport"),
        ("DOC.01", "TestReport::test_inside"),
        ("INS.01", "test_outside"),
    }
