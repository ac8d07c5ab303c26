"""Apply a platform's business acknowledgement (ZAM): what became of a channel that we gave it.

| event | closes | Y | N |
|---|---|---|---|
| Z01 | the DMP | delivered | rejected, with the DMP's code |
| Z02 | one recipient's mail, received | delivered | rejected, with the SMTP code |
| Z03 | one recipient's mail, read or treated | delivered and read | rejected, with the code 900-906 |

It speaks of one message of ours (OBX-4 of its first OBX is our MSH-10) and of one recipient (the address of the second OBX).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ris.application.dispatch.mail_rows import moved
from ris.application.dispatch.ports import DeliveryStore
from ris.domain.dispatch.channels import DMP, HL7_REPORT, MAIL, PLATFORM
from ris.domain.dispatch.delegated import fed, not_fed
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.dmp_codes import safe_code as safe_dmp_code
from ris.domain.dispatch.mail import MailRules, arrived, bounced, integrated, is_patient
from ris.domain.dispatch.mail_codes import bounce_code, integration_code, shown_words
from ris.domain.errors import InvalidInput

LONGEST_CODE, LONGEST_WORDS = 64, 500


@dataclass(frozen=True)
class BusinessAcknowledgement:
    """What one ZAM says.

    Args:
        event: `Z01`, `Z02`, `Z03`.
        message_id: MSH-10 of our report's message.
        positive: Y or N.
        address: Of the recipient, lower case; empty for the DMP.
        code: ERR-5.1 of an N, `words` its text.
    """

    event: str
    message_id: str
    positive: bool
    address: str = ""
    code: str = ""
    words: str = ""


def apply_zam(deliveries: DeliveryStore, said: BusinessAcknowledgement, site: str, now: datetime, rules: MailRules) -> Delivery:
    """Move the row of a channel that the site's platform was asked to serve.

    Args:
        deliveries: The store.
        said: What the platform says.
        site: Whose gateway received it: nobody else's row is moved.
        now: Aware UTC instant.
        rules: Know a patient's address.

    Returns:
        The row.

    Raises:
        InvalidInput: `acknowledgement_of_nothing_sent`, `acknowledgement_of_another_recipient`: a person looks at it.
    """
    message = deliveries.find_by_message_id(said.message_id)
    if message is None or message.channel != HL7_REPORT or message.site != site:
        raise InvalidInput("acknowledgement_of_nothing_sent", field="OBX-4")
    theirs = [
        row
        for row in deliveries.of_owner(message.owner)
        if row.report_version == message.report_version and row.who_sends == PLATFORM and _is_meant(row, said, rules)
    ]
    if len(theirs) != 1:
        raise InvalidInput("acknowledgement_of_another_recipient", field="OBX(2)-5")
    return moved(deliveries, theirs[0], lambda current: _after(current, said, now))


def _is_meant(row: Delivery, said: BusinessAcknowledgement, rules: MailRules) -> bool:
    if said.event == "Z01":
        return row.channel == DMP
    if row.channel not in MAIL:
        return False
    if is_patient(row):
        return said.address.endswith("@" + rules.patient_domain)
    return bool(row.address) and row.address.lower() == said.address


def _after(row: Delivery, said: BusinessAcknowledgement, now: datetime) -> Delivery:
    code, words = said.code[:LONGEST_CODE], shown_words(said.words, LONGEST_WORDS)
    match said.event, said.positive:
        case "Z01", True:
            return fed(row, now)
        case "Z01", False:
            return not_fed(row, now, reason=safe_dmp_code(code), remote_code=code, remote_words=words)
        case "Z02", True:
            return arrived(row, now)
        case "Z02", False:
            return bounced(row, now, reason=bounce_code(code, words), remote_code=code, remote_words=words)
        case "Z03", True:
            return integrated(row, now)
    return bounced(row, now, reason=integration_code(code), remote_code=code, remote_words=words)
