"""The record of a journey says what happened and what did not, even when the run ends in the middle."""

import json
import threading
from pathlib import Path

import pytest

from infra.local.demo.journey import Journal, Step, StepFailed, until


class Recorded:
    def __init__(self) -> None:
        self.seen: list[tuple[str, bool]] = []

    def begins(self, journey: str, what: str, protocol: str, deadline_s: float) -> None:
        self.seen.append((what, False))

    def ended(self, step: Step) -> None:
        self.seen.append((step.what, step.ok))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journey.json", Recorded())


def written(tmp_path: Path) -> list[dict[str, object]]:
    return json.loads((tmp_path / "journey.json").read_text())


def test_a_step_that_happened_is_written_with_its_evidence(journal: Journal, tmp_path: Path) -> None:
    with journal.step("order", "send", "MLLP") as step:
        step.left("hl7", ["001-in-ADT_A04.hl7"])

    (entry,) = written(tmp_path)
    assert (entry["journey"], entry["what"], entry["protocol"], entry["ok"]) == ("order", "send", "MLLP", True)
    assert entry["evidence"] == ["hl7/001-in-ADT_A04.hl7"]
    assert entry["milliseconds"] >= 0
    assert str(entry["start"]).endswith("+00:00")


def test_a_step_that_failed_says_why_and_stops_the_journey(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(StepFailed), journal.step("order", "send", "MLLP") as step:
        step.same("MSA-2", "A1", "A2")

    (entry,) = written(tmp_path)
    assert (entry["ok"], entry["why"]) == (False, "MSA-2 is not what the input says")


def test_an_unknown_exception_leaves_its_name_and_no_text(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(KeyError), journal.step("order", "look", "HTTP"):
        raise KeyError("ADRUN ZOE")

    assert written(tmp_path)[0]["why"] == "KeyError"
    assert "ADRUN" not in (tmp_path / "journey.json").read_text()


def test_the_display_sees_each_step_begin_and_end(tmp_path: Path) -> None:
    display = Recorded()
    with Journal(tmp_path / "journey.json", display).step("a", "b", "c"):
        pass

    assert display.seen == [("b", False), ("b", True)]


def test_what_never_comes_fails_with_what_was_waited_for() -> None:
    with pytest.raises(StepFailed, match=r"not within 0.1 s: the moon"):
        until("the moon", lambda: None, 0.1)


def test_a_step_ends_red_at_its_deadline_whatever_it_waits_for(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(StepFailed), journal.step("order", "wait", "MLLP", deadline_s=0.1):
        threading.Event().wait(30)

    (entry,) = written(tmp_path)
    assert (entry["ok"], entry["why"], entry["deadline_s"]) == (False, "not within 0.1 s", 0.1)
    assert 100 <= entry["milliseconds"] < 20_000


def test_a_peer_that_ended_makes_the_running_step_red_with_its_name(tmp_path: Path) -> None:
    looks = iter(["", "HIS-nord"])
    journal = Journal(tmp_path / "journey.json", Recorded(), lambda: next(looks))

    with pytest.raises(StepFailed), journal.step("order", "wait", "MLLP"):
        threading.Event().wait(30)

    (entry,) = written(tmp_path)
    assert (entry["ok"], entry["why"]) == (False, "HIS-nord ended")


def test_a_step_that_was_over_before_anybody_looked_is_red_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journey.json", Recorded(), lambda: "mss")

    with pytest.raises(StepFailed), journal.step("order", "send", "SMTP"):
        pass

    assert [entry["why"] for entry in written(tmp_path)] == ["mss ended"]
