"""What the cloud has of a site, as the cloud itself says: its ledger, the lines of the functions that apply, the portal's lists."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from infra.local.demo import er7
from infra.local.demo.journeys.visit import Visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene
from infra.local.demo.supervisor import System

APPLIED, AGAIN = "INTAKE_HL7_001", "INTAKE_HL7_002"
PERFORMED = ("INTAKE_DICOM_001", "INTAKE_DICOM_002")
WAITS = "booked"
"""State of an exam that a modality has to be told of."""


@dataclass(frozen=True)
class Applied:
    """What was applied, in that order.

    Args:
        messages: Keys of the ledger; `again` those that had been applied before.
        performed: MPPS operations with their SOP Instance UID, and why a person must look at one, empty when it was applied.
    """

    messages: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    performed: tuple[tuple[str, str, str], ...] = ()

    def since(self, before: Applied) -> Applied:
        """Return what came behind."""
        return Applied(
            self.messages[len(before.messages) :], self.again[len(before.again) :], self.performed[len(before.performed) :]
        )


def applied(scene: Scene) -> Applied:
    """Return what the intake functions say that they applied so far."""
    hl7, dicom = _lines(scene, "IntakeHl7Function"), _lines(scene, "IntakeDicomFunction")
    return Applied(
        tuple(line["ledger_key"] for line in hl7 if line["code_reference"] == APPLIED),
        tuple(line["ledger_key"] for line in hl7 if line["code_reference"] == AGAIN),
        tuple(
            (line["operation"], line["sop_instance"], line.get("code", "")) for line in dicom if line["code_reference"] in PERFORMED
        ),
    )


def _lines(scene: Scene, function: str) -> list[dict[str, Any]]:
    lines = (line for line in scene.system.cloud.logs(function) if '"code_reference"' in line)
    return [dict(json.loads(line)) for line in lines]


def rows(scene: Scene, site: str, sent: list[er7.Sent]) -> list[dict[str, str]]:
    """Return the ledger's rows of messages, in their order, once none is missing or under way; else nothing."""
    found = [row(scene, site, message) for message in sent]
    whole = [one for one in found if one and one["state"] != "received"]
    return whole if len(whole) == len(sent) else []


def row(scene: Scene, site: str, message: er7.Sent) -> dict[str, str] | None:
    """Return what the ledger says of a message (key: `docs/data.md`), as an operator would look; None when it has none."""
    key = hashlib.sha256("|".join(message.value(name) for name in ("MSH-3", "MSH-4", "MSH-10")).encode()).hexdigest()
    cloud = scene.system.cloud
    item = (
        cloud.client("dynamodb", "operator")
        .get_item(
            TableName=cloud.function_env("IntakeHl7Function")["TABLE_MESSAGES"],
            Key={"pk": {"S": f"MESSAGE#{site}#{key}"}, "sk": {"S": "MESSAGE"}},
            ConsistentRead=True,
        )
        .get("Item")
    )
    if item is None:
        return None
    return {
        "control_id": message.value("MSH-10"),
        "source": f"{message.value('MSH-3')}|{message.value('MSH-4')}",
        "ledger_key": key,
        **{name: item[name]["S"] for name in ("state", "received_at", "changed_at")},
    }


def calls(system: System, site: str, action: str) -> int:
    """Return how often a site's gateway has called an action of AWS."""
    caller = system.role(site)
    return sum(call["count"] for call in system.cloud.calls() if (call["caller"], call["action"]) == (caller, action))


def planned(person: Browser, visit: Visit) -> set[str]:
    """Return the accession numbers of the day of an exam that its site's machines have to be told of."""
    shown = person.open(f"/sites/{visit.booking.site}/worklist?day={visit.booking.day}").page
    return {row["accession"] for row in shown.rows("accession", "room", state=WAITS)}


def to_book(person: Browser, site: str, sent: list[er7.Sent]) -> set[str]:
    """Return those orders of messages that wait on the list of requests."""
    shown = person.open(f"/sites/{site}/requests").page
    return {row["placer-order"] for row in shown.rows("request", "placer-order")} & {message.value("ORC-2.1") for message in sent}


def left_to_book(sent: list[er7.Sent]) -> set[str]:
    """Return those orders of messages whose last word is not that they are cancelled."""
    last = {message.value("ORC-2.1"): message.value("ORC-1") for message in sent if message.value("ORC-1")}
    return {order for order, said in last.items() if said != "CA"}
