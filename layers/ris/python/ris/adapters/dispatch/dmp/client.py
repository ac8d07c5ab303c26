"""The DMP over mutual TLS: each call has its own VIHF; each failure is named by who must act.

A connection that was never made is `RemoteUnavailable`; once the request has left, silence, a cut, a 504 or anything that cannot be
believed is `OutcomeUnknown` for a submission and `RemoteUnavailable` for a question, since asking twice harms nobody.
"""

from __future__ import annotations

import hashlib
import http.client
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from ris.adapters.dispatch.dmp.deletion import UPDATE_DOCUMENT_SET, deletion_request
from ris.adapters.dispatch.dmp.envelope import envelope, fault, parse_answer, related_to
from ris.adapters.dispatch.dmp.identifiers import derived_oid, dtm
from ris.adapters.dispatch.dmp.mtom import mtom_body, soap_part
from ris.adapters.dispatch.dmp.queries import (
    existence_request,
    own_document_query,
    read_existence,
    read_object_refs,
    registry_errors,
)
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.dmp.submission import Submission, submit_objects_request
from ris.adapters.dispatch.dmp.vihf import signed_vihf
from ris.adapters.dynamodb import by_who_must_act
from ris.adapters.keys.revocation import code_of
from ris.application.dispatch.dmp_port import LONGEST_STRANGE, RecordState, SignedVersion, StrangeAnswer, StrangeAnswers
from ris.domain.dispatch.dmp_codes import Reaction, code_of_fault, reaction_of
from ris.domain.errors import OutcomeUnknown, Refused, RemoteRejected, RemoteUnavailable
from ris.domain.identity.ins import Ins
from ris.domain.report.frozen import FrozenReport

ITI_41 = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
ITI_18 = "urn:ihe:iti:2007:RegistryStoredQuery"
TD0_2 = "urn:hl7-org:v3:PRPA_IN201307UV02"
LARGEST_ANSWER = 4_000_000
"""Bytes of an answer that are read; ours have a few thousand."""
T = TypeVar("T")


@dataclass(frozen=True)
class SigningIdentity:
    """SIGN key and certificate of one legal entity."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate


@dataclass(frozen=True)
class _Sent:
    """A call: what about, where to, when, and under which MessageID."""

    report: FrozenReport
    url: str
    at: datetime
    message: str


@dataclass(frozen=True)
class DmpSoap:
    """One environment of the DMP, as one legal entity.

    Args:
        tls: Context with the AUTH_CLI certificate.
        new_id: Returns a fresh UUID text at each call.
        strange: Where answers are kept that cannot be believed; they are lost when there is no such place.
    """

    settings: DmpSettings
    tls: ssl.SSLContext
    signing: SigningIdentity
    new_id: Callable[[], str]
    strange: StrangeAnswers | None = None

    def existence(self, report: FrozenReport, ins: Ins, *, now: datetime) -> RecordState:
        """See `NationalRecord.existence`."""
        message = self.new_id()
        body = existence_request(
            ins, self.settings, message_oid=derived_oid("td0.2", message), query_oid=derived_oid("query", message), created=dtm(now)
        )
        found = self._ask("/patients", TD0_2, body, report, ins, now, message, read_existence)
        return RecordState(found.state, found.closed_on, found.reason)

    def entry_uuid(self, report: FrozenReport, document_id: str, *, now: datetime) -> str:
        """See `NationalRecord.entry_uuid`."""
        question = own_document_query(document_id)
        errors, references = self._ask(
            "/registry", ITI_18, question, report, _ins(report), now, self.new_id(), _errors_and_references
        )
        if errors:
            _raise_for(*errors[0])
        return references[0] if references else ""

    def submit(self, version: SignedVersion, *, replaced_entry_uuid: str, now: datetime) -> None:
        """See `NationalRecord.submit`."""
        submission = Submission(version.report, version.cda, version.signature, replaced_entry_uuid)
        parts = {"document01@ris": version.cda, "signature01@ris": version.signature}
        message, url = self.new_id(), self.settings.url + "/repository"
        body = _provide_and_register(submit_objects_request(submission, self.settings), parts)
        head = self._envelope(url, ITI_41, body, version.report, _ins(version.report), now, message)
        boundary = "ris-" + hashlib.sha256(head).hexdigest()[:32]
        mime = mtom_body(head, parts, action=ITI_41, boundary=boundary)
        self._submitted(_Sent(version.report, url, now, message), mime.content_type, mime.body)

    def delete(self, report: FrozenReport, entry_uuid: str, *, requested_at: datetime, now: datetime) -> None:
        """See `NationalRecord.delete`."""
        body, message = deletion_request(report, entry_uuid, self.settings, requested_at=requested_at), self.new_id()
        url = self.settings.url + "/registry"
        content = self._envelope(url, UPDATE_DOCUMENT_SET, body, report, _ins(report), now, message)
        self._submitted(
            _Sent(report, url, now, message), f'application/soap+xml; charset=UTF-8; action="{UPDATE_DOCUMENT_SET}"', content
        )

    def _submitted(self, sent: _Sent, content_type: str, body: bytes) -> None:
        """Send what changes something there: no believable answer is an unknown end."""
        try:
            errors = self._exchange(sent, content_type, body, registry_errors)
        except _Unbelievable as unbelievable:
            raise OutcomeUnknown("dmp_answer_lost", detail=str(unbelievable)) from None
        if errors:
            _raise_for(*errors[0])

    def _ask(
        self,
        path: str,
        action: str,
        body: str,
        report: FrozenReport,
        ins: Ins,
        now: datetime,
        message: str,
        read: Callable[[Any], T],
    ) -> T:
        """Ask a question and read the answer; anything unbelievable may be asked again."""
        url = self.settings.url + path
        content = self._envelope(url, action, body, report, ins, now, message)
        kind = f'application/soap+xml; charset=UTF-8; action="{action}"'
        try:
            return self._exchange(_Sent(report, url, now, message), kind, content, read)
        except _Unbelievable as unbelievable:
            raise RemoteUnavailable("dmp_answer_unreadable", detail=str(unbelievable)) from None

    def _envelope(self, url: str, action: str, body: str, report: FrozenReport, ins: Ins, now: datetime, message: str) -> bytes:
        """Return the envelope with a fresh VIHF."""
        with by_who_must_act():  # the key signs in KMS: an outage there is nothing sent
            vihf = signed_vihf(
                settings=self.settings,
                user=report.author,
                structure=report.structure,
                ins=ins,
                logged_in_at=report.logged_in_at,
                now=now,
                assertion_id="_" + self.new_id(),
                key=self.signing.key,
                certificate=self.signing.certificate,
            )
        return envelope(action=action, to=url, message_id=f"urn:uuid:{message}", vihf=vihf, body=body)

    def _exchange(self, sent: _Sent, content_type: str, body: bytes, read: Callable[[Any], T]) -> T:
        """Send once and read the answer; one that cannot be believed is kept, a fault is RemoteRejected."""
        status, kind, content = self._post(sent.url, content_type, body)
        try:
            return read(_root_of(status, kind, content, sent.message))
        except (_Unbelievable, ValueError) as wrong:
            self._keep(sent, status, kind, content, str(wrong))
            raise _Unbelievable(str(wrong)) from None

    def _keep(self, sent: _Sent, status: int, kind: str, content: bytes, why: str) -> None:
        """Keep an answer for the operator; where that fails, what is known of the call is not changed by it."""
        if self.strange is None:
            return
        operation, report = sent.url.rpartition("/")[2], sent.report
        with suppress(RemoteUnavailable):
            self.strange.keep(
                StrangeAnswer(
                    owner=report.accession_number,
                    report_version=report.version,
                    operation=operation,
                    asked_at=sent.at,
                    status=status,
                    content_type=kind[:200],
                    why=why,
                    content=content[:LONGEST_STRANGE],
                )
            )

    def _post(self, url: str, content_type: str, body: bytes) -> tuple[int, str, bytes]:
        """Post once, without any retry or redirect.

        The connection is made before the request is written, so that *surely not sent* means just that: an error of TLS while an answer
        is read is a lost answer.
        """
        parts = urlsplit(url)
        connection = http.client.HTTPSConnection(
            parts.hostname or "", parts.port or 443, timeout=self.settings.connect_timeout_s, context=self.tls
        )
        try:
            _connect(connection)
            connection.sock.settimeout(self.settings.read_timeout_s)
            connection.request("POST", parts.path, body=body, headers={"Content-Type": content_type})
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read(LARGEST_ANSWER)
        except (OSError, http.client.HTTPException) as cut:
            raise _Unbelievable(type(cut).__name__) from None
        finally:
            connection.close()


def _connect(connection: http.client.HTTPSConnection) -> None:
    """Open the connection; whatever fails here, nothing was sent."""
    try:
        connection.connect()
    except ssl.SSLError as error:
        raise RemoteUnavailable(code_of(error, "dmp_tls_refused")) from None
    except OSError:
        raise RemoteUnavailable("dmp_unreachable") from None


class _Unbelievable(Exception):
    """The request left and nothing believable came back."""


def _errors_and_references(root: Any) -> tuple[list[tuple[str, str]], list[str]]:
    """Read the answer to a search: its errors, or else the entries found."""
    errors = registry_errors(root)
    return errors, [] if errors else read_object_refs(root)


def _ins(report: FrozenReport) -> Ins:
    """Return the INS of a report that has one."""
    if report.identity is None:
        raise Refused("identity_not_qualified")
    return report.identity.ins


def _root_of(status: int, kind: str, content: bytes, message: str) -> Any:
    """Return a believable answer's root; a fault is RemoteRejected."""
    if status == 503:
        raise RemoteUnavailable("dmp_503")
    if status == 504:
        raise _Unbelievable("HTTP 504")
    try:
        root = parse_answer(soap_part(kind, content))
    except ValueError as wrong:
        raise _Unbelievable(f"HTTP {status}: {wrong}") from None
    if not related_to(root, f"urn:uuid:{message}"):
        raise _Unbelievable("the answer is for another request")
    found = fault(root)
    if found is not None:
        code = code_of_fault(*found)
        if code == "dmp_fault" and found[0] in ("Receiver", "Server"):
            raise _Unbelievable("a fault of the receiver without a code")
        _raise_for(code, found[1])
    if status != 200:
        raise _Unbelievable(f"HTTP {status}")
    return root


def _provide_and_register(request: str, parts: dict[str, bytes]) -> str:
    """Return the body of ITI-41: the request, then one Document per part."""
    documents = "".join(
        f'<xdsb:Document id="{entry}"><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:{content_id}"/></xdsb:Document>'
        for entry, content_id in zip(("Document01", "Signature01"), parts, strict=True)
    )
    opening = '<xdsb:ProvideAndRegisterDocumentSetRequest xmlns:xdsb="urn:ihe:iti:xds-b:2007">'
    return f"{opening}{request}{documents}</xdsb:ProvideAndRegisterDocumentSetRequest>"


def _raise_for(code: str, context: str) -> NoReturn:
    """Raise what an error of the DMP means: busy is surely not taken, a duplicate is perhaps ours."""
    match reaction_of(code):
        case Reaction.SEND_AGAIN:
            raise RemoteUnavailable(code, detail=context)
        case Reaction.ASK:
            raise OutcomeUnknown(code, detail=context)
    raise RemoteRejected(code, detail=context)
