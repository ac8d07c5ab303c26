"""Versions of one report as the DMP holds them: one set, numbers that grow, each replacing the one before, or deleted."""

from __future__ import annotations

from typing import Any

from lxml import etree

from infra.local.demo.journey import Step
from infra.local.demo.journeys.record import HL7
from infra.local.demo.scene import Scene

INVISIBLE, REPLACES = "INVISIBLE_PATIENT", b"urn:ihe:iti:2007:AssociationType:RPLC"


def asked(scene: Scene) -> int:
    """Return how often our DMP was asked something so far."""
    return len(scene.system.received("dmp")) if scene.system.simulated("dmp") else 0


def stored(scene: Scene, unique_id: str) -> dict[str, Any]:
    """Return what our DMP says of a document it holds."""
    return next(dict(one) for one in scene.system.report("dmp")["documents"] if one["unique_id"] == unique_id)


def replaced(step: Step, scene: Scene, before: int, first: str) -> str:
    """Require one search, one submission that replaces, and a document of the same set with the next number; return its uniqueId.

    Args:
        before: How often our DMP had been asked before.
        first: uniqueId of the document that is replaced.
    """
    operations = calls(step, scene, before)
    step.require("iti-18" in operations and operations.count("iti-41") == 1, f"the DMP was asked {', '.join(operations)}")
    step.require(REPLACES in _submission(scene, before), "the submission does not replace (RPLC)")
    folder = scene.system.out.folder / "cda"
    old = _facts(folder / f"{first}.xml")
    later = [file for file in folder.glob("*.xml") if file.stem != first and _facts(file)["set"] == old["set"]]
    new = [file for file in later if _facts(file)["version"] > old["version"]]
    step.require(len(new) == 1, f"{len(new)} later documents of the same set")
    step.same("the number of the version", old["version"] + 1, _facts(new[0])["version"])
    step.same("the state of the document before", "Deprecated", stored(scene, first)["status"])
    step.left("cda", [new[0].name])
    return new[0].stem


def deleted(step: Step, scene: Scene, before: int, unique_id: str) -> None:
    """Require one search, one deletion (TD3.3c) and nothing submitted; the document is no longer there for anybody."""
    operations = calls(step, scene, before)
    step.same("how often the DMP was asked to delete", 1, operations.count("td3.3c"))
    step.require("iti-41" not in operations, "something was submitted besides")
    step.same("the state of the document", "Deleted", stored(scene, unique_id)["status"])


def calls(step: Step, scene: Scene, before: int) -> list[str]:
    """Return what our DMP was asked since; the step keeps its evidence."""
    notes = [note for note in scene.system.received("dmp")[before:] if "operation" in note]
    folder = scene.system.out.folder / "dmp"
    for note in notes:
        step.left("dmp", sorted(file.name for file in folder.glob(f"{note['number']:03d}-*.http")))
    return [str(note["operation"]) for note in notes]


def _facts(file: Any) -> dict[str, Any]:
    root = etree.parse(file).getroot()
    found = root.find(f"{HL7}setId"), root.find(f"{HL7}versionNumber")
    return {"set": (found[0].get("root"), found[0].get("extension")), "version": int(found[1].get("value"))}


def _submission(scene: Scene, before: int) -> bytes:
    """Return the last submission that our DMP received, as it crossed the wire."""
    notes = [note for note in scene.system.received("dmp")[before:] if note.get("operation") == "iti-41"]
    return (scene.system.out.folder / "dmp" / f"{notes[-1]['number']:03d}-iti-41-request.http").read_bytes() if notes else b""


def actions(metadata: bytes) -> set[str]:
    """Return the values of every slot `action` of a mail's METADATA.XML."""
    slots = [slot for slot in etree.fromstring(metadata).iter("{*}Slot") if slot.get("name") == "action"]
    return {str(value.text) for slot in slots for value in slot.iter("{*}Value")}
