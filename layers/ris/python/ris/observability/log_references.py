"""Every line the product can log, by its stable code.

Operators search and alarm on the code; the text may change, a code never does. A line is added here first; its code is the
function's name (or the subject's) and a number. No text holds a placeholder: what varies goes into the fields of
`ris.observability.logs.LogFields`, none of which can carry a patient's value.
"""

from __future__ import annotations

from enum import Enum


class LogReference(Enum):
    """Code = (level, what happened)."""

    TASK_001 = ("info", "Task done")
    TASK_002 = ("warning", "Task refused, by one of the six groups of errors")
    TASK_003 = ("error", "Task crashed")
    TASK_004 = ("error", "Task input is not of its model")

    QUEUE_001 = ("info", "Queue message handled")
    QUEUE_002 = ("error", "Queue message failed; the queue delivers it again")
    QUEUE_003 = ("error", "Queue message is not one of the envelopes of its queue")

    INTAKE_HL7_001 = ("info", "HL7 message applied")
    INTAKE_HL7_002 = ("info", "HL7 message was applied before; nothing done")
    INTAKE_HL7_003 = ("warning", "HL7 message parked for the operator")
    INTAKE_HL7_004 = ("warning", "HL7 message repeats a control id with other bytes; both kept")
    INTAKE_HL7_005 = ("info", "Acknowledgement applied to its delivery")
    INTAKE_HL7_006 = ("warning", "Acknowledgement belongs to no message of ours; kept")
    INTAKE_HL7_008 = ("error", "HL7 message broke our own code; parked for the operator")

    SEND_HL7_001 = ("info", "HL7 message handed to the site's gateway")
    SEND_HL7_002 = ("info", "HL7 message had left before; nothing sent")

    CHECK_DMP_001 = ("info", "Row of the DMP looked at; its state and what comes next")
    SEND_TO_DMP_001 = ("info", "Version submitted to the DMP, or its row was settled before")
    RECONCILE_WITH_DMP_001 = ("info", "DMP asked about a submission of unknown end")

    SEND_MAIL_001 = ("info", "Mail given to the operator, or its row was settled before")

    RECONCILE_MAIL_001 = ("info", "Mailbox of a site read; count is the receipts that moved a row")
    RECONCILE_MAIL_002 = ("warning", "Mailbox of a site could not be read; its code says why")
    RECONCILE_MAIL_003 = ("warning", "Mails of a mailbox belong to nothing sent, or say nothing we know; kept for the operator")

    IMPORT_DIRECTORY_001 = ("info", "Extract of the directory taken up; count is its mailboxes, none when it stood already")
    IMPORT_DIRECTORY_002 = ("warning", "Lines of the directory's extract could not be read; count is how many")

    RECORD_OUTCOME_001 = ("info", "Outcome recorded on its delivery")

    INTAKE_DICOM_001 = ("info", "MPPS applied to every exam it references")
    INTAKE_DICOM_002 = ("warning", "MPPS waits for a person: its code says why")
    INTAKE_DICOM_003 = ("info", "A gateway said how it is; its count is of the steps of a full worklist it was sent again")
    INTAKE_DICOM_004 = ("info", "The archive spoke of a study: its exam says since when, if it is ours")

    CONFIRM_BOOKING_001 = ("warning", "Booked, but the question to INSi could not be recorded; the desk asks")

    QUERY_INSI_001 = ("info", "INSi answered; its code says what")

    APPLY_IDENTITY_EVENT_001 = ("info", "Identity event settled: applied, or refused with its code")

    SWEEP_DUE_001 = ("info", "Sweep of a site done; count is what it freed or started again")
    SWEEP_DUE_002 = ("warning", "OverdueRows: rows were past their time when the sweep came")
    SWEEP_DUE_003 = ("error", "Sweep of a site left rows that raised; they stay due")
    SWEEP_DUE_004 = ("warning", "A remote does not answer and its breaker is open; count is its failed calls")
    SWEEP_DUE_005 = ("warning", "A row of this channel is stuck; count is for how many minutes the longest is")
    SWEEP_DUE_006 = ("warning", "A gateway is silent; count is for how many minutes")
    SWEEP_DUE_007 = ("info", "How a gateway is; the metrics of its site are made of these lines")

    SEAL_AUDIT_001 = ("info", "Audit of a site sealed; count is what was bound")
    SEAL_AUDIT_002 = ("warning", "Another run seals the same site; it goes on at the next run")

    COUNT_USAGE_001 = ("info", "Usage of a site counted; count is the days whose figures changed")
    COUNT_USAGE_002 = ("warning", "Usage of a site could not be counted; the next run does it")

    WATCH_CERTIFICATES_001 = ("info", "Days left of a certificate")
    WATCH_CERTIFICATES_002 = ("warning", "A certificate is to be renewed; count is the alert it has reached, in days")
    WATCH_CERTIFICATES_003 = ("warning", "A legal entity has no certificate in this secret")

    REVOCATION_001 = ("warning", "A list of revoked certificates cannot be had; outcome says whether the call went on without it")
    REVOCATION_002 = ("error", "The certificate of a server is revoked; nothing was sent to it")

    PORTAL_001 = ("error", "Page crashed")
    PORTAL_002 = ("warning", "Page refused, by one of the groups of errors")
