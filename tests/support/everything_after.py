"""What comes after a report was validated, beside the journeys: more words than a queue message holds, withheld, deleted, printed, sent again.

Like `everything`, so that every function does everything it can.
"""

from __future__ import annotations

import base64
import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local.cloud.client import FunctionFailed
from infra.local.demo import group, national
from infra.local.demo.portal_client import Answer, Browser
from infra.local.demo.supervisor import System
from ris.application.conflicts import decide
from ris.domain.dispatch.channels import MSS_PROFESSIONAL
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.mail import TO_PRINT
from tests.support.everything_recorded import Recorded
from tests.support.waiting import until

MANY_WORDS = " ".join(hashlib.sha256(str(number).encode()).hexdigest()[:12] for number in range(14_000))
"""Words that do not shrink: the message with their document is larger than a queue message of ours, and goes by the bucket."""
LATE_S = 90.0


class After:
    """What a radiologist does with a report that has left."""

    def __init__(self, system: System, site: str, radiologist: Browser) -> None:
        self.system, self.cloud, self.site, self.person = system, system.cloud, site, radiologist
        self.rows = Recorded(system, site).deliveries

    def play(self, accession: str) -> None:
        """Do all of it.

        Args:
            accession: Of an exam whose report has left; it has one no longer afterwards.
        """
        number = self.corrected(accession)
        self.printed(accession, number)
        self.sent_again(accession, number)
        self.mail_is_down(accession, number)
        self.strange_mail()
        self.refused_by_its_reader(accession)
        for withheld in (True, False):
            shown = self.report(accession)
            assert bool(shown.page.rows("withheld")) is not withheld
            self.act(shown, "withhold")
        self.deleted(accession)
        self.lists()

    def lists(self) -> None:
        """What a radiologist reads from: the whole list, part of it, and one's own."""
        for page in ("reading", "reading?modality=CT", "reading?mine=1", "reading?secretary=1", "my-reports", "letters"):
            assert self.person.open(f"/sites/{self.site}/{page}").status == 200, page

    # --- the report ---

    def report(self, accession: str) -> Answer:
        return self.person.open(f"/exams/{accession}/report")

    def act(self, shown: Answer, action: str, typed: dict[str, str] | None = None) -> Answer:
        form = shown.page.form_of(action)
        assert form is not None, (action, shown.status)
        answered = self.person.submit(shown, form, typed or {}, action=action)
        assert answered.status == 200, (action, answered.status)
        return answered

    def act_on(self, row: Delivery, action: str) -> None:
        """Press the button of a row on the exam's page."""
        shown = self.person.open(f"/exams/{row.owner}")
        named = {"channel": row.channel, "recipient": row.recipient, "version": str(row.report_version)}
        form = next(one for one in shown.page.forms if one.data.get("action") == action and named.items() <= one.fields.items())
        assert self.person.submit(shown, form, {}).status == 200, action

    def corrected(self, accession: str) -> int:
        """Write the text again with many more words; return the number of the new version, once the hospital and the PACS have it."""
        before = self.newest(accession)
        shown = self.act(self.report(accession), "correct")
        form = shown.page.form_of("validate")
        assert form is not None
        rank = next(name for name, value in form.fields.items() if name.startswith("text-") and value)
        self.act(shown, "validate", {rank: MANY_WORDS})
        for recipient in ("HIS", "PACS"):
            until(
                lambda name=recipient: self.states(accession, "hl7_report", name, before + 1) == {DeliveryState.DELIVERED}, LATE_S
            )
        for channel in ("dmp", MSS_PROFESSIONAL):
            self.settled(accession, channel, before + 1)
        until(lambda: self.mail_row(accession, before + 1).read_at, LATE_S)  # the last receipt: nothing moves it from now on
        return before + 1

    def deleted(self, accession: str) -> None:
        """Take it back from everybody."""
        number = self.newest(accession) + 1
        self.act(self.person.open(f"/exams/{accession}/report/delete"), "delete")
        for channel in ("dmp", "hl7_report"):
            self.settled(accession, channel, number)

    # --- rows ---

    def newest(self, accession: str) -> int:
        return max(row.report_version for row in self.rows.of_owner(accession))

    def states(self, accession: str, channel: str, recipient: str, version: int) -> set[DeliveryState]:
        found = self.rows.of_owner(accession)
        return {r.state for r in found if (r.channel, r.report_version) == (channel, version) and recipient in ("", r.recipient)}

    def settled(self, accession: str, channel: str, version: int) -> None:
        until(lambda: self.states(accession, channel, "", version) == {DeliveryState.DELIVERED}, LATE_S)

    def mail_row(self, accession: str, version: int) -> Delivery:
        """Return the requester's row."""
        found = [row for row in self.rows.of_owner(accession) if row.channel == MSS_PROFESSIONAL and row.report_version == version]
        return found[0]

    def put(self, row: Delivery, **changes: Any) -> Delivery:
        """Write a row otherwise, whatever moves it meanwhile."""
        fresh: dict[str, Any] = {
            "unknown": False,
            "accepted_at": None,
            "read_at": None,
            "due_at": None,
            "settled_by": "",
            "reason": "",
        }
        fresh["changed_at"] = datetime.now(UTC) - timedelta(hours=1)

        def attempt() -> Delivery:
            return self.rows.save(replace(self.mail_row(row.owner, row.report_version), **{**fresh, **changes}))

        return decide(attempt)

    def printed(self, accession: str, version: int) -> None:
        """Say of a recipient without an address that the letter went on paper."""
        row = self.mail_row(accession, version)
        self.put(row, state=DeliveryState.HELD, reason=TO_PRINT)
        self.act_on(row, "printed")
        assert self.states(accession, row.channel, row.recipient, version) == {DeliveryState.DELIVERED}

    def sent_again(self, accession: str, version: int) -> None:
        """Send a rejected mail again from the exam's page."""
        row = self.mail_row(accession, version)
        self.put(row, state=DeliveryState.REJECTED, reason="refused")
        self.act_on(row, "retry")
        until(lambda: self.mail_row(accession, version).attempts > row.attempts, LATE_S)
        until(lambda: self.mail_row(accession, version).read_at, LATE_S)

    def mail_is_down(self, accession: str, version: int) -> None:
        """Let the operator cut a connection: the breaker counts, and is told when it answers again."""
        row = self.mail_row(accession, version)
        names = {"accession_number": accession, "version": version, "channel": row.channel, "recipient": row.recipient}
        for faults in (["cut"] * 3, []):
            self.put(self.mail_row(accession, version), state=DeliveryState.PENDING)
            self.system.forget_faults("mss")
            self.system.tell("mss", {"schedule": {"connection": faults}})
            with suppress(FunctionFailed):  # it says so, or the row does: dispatch's own tests say which
                self.cloud.invoke("SendMailFunction", names)

    def strange_mail(self) -> None:
        """Put a mail nobody can place into the mailbox: it is kept for a person."""
        address = national.mailbox_of(group.site(self.site)["legal_entity"])["address"]
        mail = f"From: quelqu.un@example.org\r\nTo: {address}\r\nSubject: Bonjour\r\n\r\nBonjour.\r\n".encode()
        self.system.tell("mss", {"put": {"mailbox": address, "eml": base64.b64encode(mail).decode()}})
        self.mailbox_read()
        until(lambda: any("RECONCILE_MAIL_003" in line for line in self.cloud.logs("ReconcileMailFunction")))

    def refused_by_its_reader(self, accession: str) -> None:
        """Let the requester's software refuse the first mail with nothing but the archive: the document alone names the row."""
        row = self.put(self.mail_row(accession, 1), state=DeliveryState.DELIVERED)  # what counted ceases to count
        taken = self.system.report("mss")["messages"]
        message_id = next(name for name in taken if "".join(c for c in name if c.isalnum()).startswith(row.message_id))
        refusal = {"answer": "ko", "code": "906", "in_reply_to": False, "returned": "archive"}
        self.system.tell("mss", {"answer": {"message_id": message_id, "recipient": row.address, "steps": [refusal]}})
        until(lambda: self.mailbox_read() and self.mail_row(accession, 1).state is DeliveryState.REJECTED, LATE_S)

    def mailbox_read(self) -> bool:
        self.cloud.fire("ReconcileMailSchedule")
        return True
