"""Apply one receipt to the row it speaks of, in whatever order and however often receipts come.

| receipt | is correlated by |
|---|---|
| DSN | its Original-Envelope-Id, else the Message-ID of what it returns; and its recipient is the row's |
| MDN | its Original-Message-ID, else In-Reply-To |
| plain KO | the Message-ID of what it returns, else the uniqueId in the returned archive and who answers |
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from ris.application.dispatch.mail_port import Receipt
from ris.application.dispatch.mail_rows import moved
from ris.application.dispatch.ports import DeliveryStore
from ris.domain.dispatch.channels import MAIL
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.mail import MailRules, arrived, bounced, delayed, integrated, is_patient
from ris.domain.dispatch.mail_codes import bounce_code, integration_code, shown_words

DSN = frozenset({"delivered", "failed", "delayed", "relayed"})
LONGEST_CODE, LONGEST_WORDS = 40, 500
_NUMBER = re.compile(r"[0-9a-f]{32}")


def row_of_receipt(
    deliveries: DeliveryStore, receipt: Receipt, writes_from_here: Callable[[str], bool], rules: MailRules
) -> tuple[Delivery | None, str]:
    """Return the row a receipt speaks of, or why there is none.

    Args:
        deliveries: The store.
        receipt: As it was read.
        writes_from_here: Says of a site whether its mailbox is the one the receipt came to: nobody else's row is moved by it.
        rules: Know a patient's address.

    Returns:
        The row and an empty text, or None and `receipt_of_nothing_sent`, `receipt_of_another_recipient`, `mail_not_understood`.
    """
    if receipt.kind == "other":
        return None, "mail_not_understood"
    row = _by_number(deliveries, receipt) or _by_document(deliveries, receipt)
    if row is None or row.channel not in MAIL or row.attempts == 0 or not writes_from_here(row.site):
        return None, "receipt_of_nothing_sent"
    if receipt.kind in DSN and receipt.recipient and not _is_for(row, receipt.recipient, rules):
        return None, "receipt_of_another_recipient"
    return row, ""


def apply_receipt(deliveries: DeliveryStore, row: Delivery, receipt: Receipt, now: datetime) -> Delivery:
    """Move a row by one receipt."""
    return moved(deliveries, row, lambda current: _after(current, receipt, now))


def _after(row: Delivery, receipt: Receipt, now: datetime) -> Delivery:
    code, words = receipt.code[:LONGEST_CODE], shown_words(receipt.words, LONGEST_WORDS)
    match receipt.kind:
        case "delivered":
            return arrived(row, now)
        case "read" | "processed":
            return integrated(row, now)
        case "failed":
            return bounced(row, now, reason=bounce_code(code, words), remote_code=code, remote_words=words)
        case "error" | "ko":
            return bounced(row, now, reason=integration_code(code), remote_code=code, remote_words=words)
        case "delayed" | "relayed":
            return delayed(row, remote_code=code, remote_words=words)
    return row  # deleted: neither read nor failed


def _by_number(deliveries: DeliveryStore, receipt: Receipt) -> Delivery | None:
    stated = (receipt.envelope_id, receipt.message_id) if receipt.kind in DSN else (receipt.message_id,)
    for text in stated:
        number = text.partition("@")[0].replace("-", "").lower()
        if _NUMBER.fullmatch(number):
            return deliveries.find_by_message_id(number)
    return None


def _by_document(deliveries: DeliveryStore, receipt: Receipt) -> Delivery | None:
    if receipt.kind != "ko" or not receipt.document_id or not receipt.sender:
        return None
    found = [row for row in deliveries.find_by_document(receipt.document_id) if row.address.lower() == receipt.sender]
    return found[0] if len(found) == 1 else None


def _is_for(row: Delivery, recipient: str, rules: MailRules) -> bool:
    if is_patient(row):
        return recipient.endswith("@" + rules.patient_domain)
    return recipient == row.address.lower()
