"""The codes of mail: what operators and recipients answer, in words of ours.

A code of the row is what a person reads first; the remote's own (`5.1.1`, `902`) stands beside it, with its words.

Source: RFC 3463 (enhanced status codes), RFC 5321 §4.2; MSSante application error codes 900-906.
"""

from __future__ import annotations

import re

INTEGRATION = {f"90{n}": f"integration_90{n}" for n in range(7)}
"""KO of the recipient's software, by its code."""

_BY_STATUS = (
    (re.compile(r"[45]\.1\.[0-9]+"), "recipient_unknown"),
    (re.compile(r"[45]\.2\.1"), "mailbox_closed"),
    (re.compile(r"[45]\.2\.2"), "mailbox_full"),
    (re.compile(r"[45]\.[23]\.[34]"), "refused_too_big"),
    (re.compile(r"[45]\.4\.[0-9]+"), "recipient_unreachable"),
    (re.compile(r"[45]\.7\.[0-9]+"), "domain_not_authorised"),
)
OTHER = "bounced"
SMTP = frozenset(
    {
        "mss_unreachable", "mss_not_configured", "mailbox_not_configured", "mss_tls_refused", "mss_certificate_refused",
        "mss_login_refused", "mss_answer_lost", "mss_busy", "mss_refused", "mss_sender_refused", "mss_breaker_open",
    }
)  # fmt: skip


def bounce_code(status: str, words: str = "") -> str:
    """Return our word for a DSN's status or an SMTP refusal.

    Args:
        status: Enhanced status code, `5.1.1`, or three digits.
        words: Their text, read only where there is no enhanced code in `status`.
    """
    found = re.search(r"\b[45]\.[0-9]{1,3}\.[0-9]{1,3}\b", f"{status} {words}")
    if found:
        return next((code for shape, code in _BY_STATUS if shape.fullmatch(found.group(0))), OTHER)
    return {"552": "refused_too_big", "550": "recipient_unknown", "553": "recipient_unknown"}.get(status[:3], OTHER)


def integration_code(code: str) -> str:
    """Return our word for the code of a KO, an MDN *processed/error* or a ZAM^Z03."""
    return INTEGRATION.get(code, "integration_906")


def safe_code(code: str) -> str:
    """Return a code that may stand on a row or in an error; what is none of ours is only *refused*."""
    return code if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", code) else "mss_refused"


def shown_words(text: str, longest: int) -> str:
    """Return somebody's words as a row keeps them: cut, and without mail addresses: a patient's is their INS, another may be on the red list."""
    return re.sub(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+", "(adresse)", text)[:longest]
