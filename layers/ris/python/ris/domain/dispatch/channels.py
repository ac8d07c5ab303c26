"""The channels of a report, and whom they reach, by name."""

from __future__ import annotations

DMP = "dmp"
MSS_PROFESSIONAL = "mss_professional"
MSS_PATIENT = "mss_patient"
HL7_REPORT = "hl7_report"
TO_PRINT = "to_print"
MAIL = frozenset({MSS_PROFESSIONAL, MSS_PATIENT})

PATIENT = "PATIENT"
REQUESTER = "REQUESTER"
"""Recipient when the order names a person without an RPPS: nobody can look that person up."""

OURS, PLATFORM = "ours", "platform"
"""Who sends: a setting of the site, frozen on each row."""
