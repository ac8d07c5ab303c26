"""Who is let in, and what is spoken of: an association request answered (PS3.8 9.3, PS3.7 annex D). No network.

The answer depends on the request's bytes and the peer's address only, so that a modality that asks the same every minute costs one
look-up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from gateways.edge.config import DicomSettings
from gateways.edge.dicom import pdu
from gateways.edge.dicom.pdu import AssociateRequest, ContextResult, PresentationContext, Role
from gateways.edge.dicom.stations import Stations
from gateways.edge.dicom.values import trim

VERIFICATION = "1.2.840.10008.1.1"
WORKLIST = "1.2.840.10008.5.1.4.31"
MPPS = "1.2.840.10008.3.1.2.3.3"
INSTANCE_AVAILABILITY = "1.2.840.10008.5.1.4.33"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
MAX_LENGTH = 64 * 1024
IMPLEMENTATION = ("2.25.223917502843217718460553298371104756011", "RIS_EDGE")
BLANK_TITLE = "(blank)"
LIMIT_REACHED = pdu.encode_reject(2, 3, 2)
_CACHED = 256


@dataclass(frozen=True)
class Context:
    """An accepted presentation context."""

    sop_class: str
    implicit: bool


@dataclass(frozen=True, eq=False)
class Accepted:
    """An association as agreed. The same request from the same address gives the same object.

    Args:
        calling, called: Titles as compared.
        max_length: Longest P-DATA-TF variable field the peer takes, in bytes; 0 names no limit.
        encoded: The A-ASSOCIATE-AC.
    """

    calling: str
    called: str
    contexts: Mapping[int, Context]
    max_length: int
    encoded: bytes


@dataclass(frozen=True)
class Rejected:
    """An association refused: for the log, and the A-ASSOCIATE-RJ."""

    calling: str
    reason: str
    encoded: bytes


def title(raw: bytes) -> str:
    """Return an AE title as it is compared: padding of spaces or NUL dropped, what is no printable ASCII replaced."""
    text = trim(raw.decode("latin-1"))
    return "".join(character if " " <= character <= "~" and character != "\\" else "_" for character in text) or BLANK_TITLE


def _refuse(calling: str, reason: str, code: int) -> Rejected:
    return Rejected(calling, reason, pdu.encode_reject(1, 1, code))


class Negotiator:
    """Answers association requests by the site's settings.

    Args:
        keeps: Whether there is a spool: what must be kept is offered only then.
    """

    def __init__(self, settings: DicomSettings, stations: Stations, *, keeps: bool) -> None:
        self._settings, self._stations = settings, stations
        kept = (MPPS, INSTANCE_AVAILABILITY, STORAGE_COMMITMENT) if keeps else ()
        self._offered = frozenset({VERIFICATION, WORKLIST, *kept})
        self._networks = tuple(ipaddress.ip_network(one) for one in settings.allowed_addresses)
        self.negotiate = lru_cache(_CACHED)(self._negotiate)

    def admits(self, address: str) -> bool:
        """Return whether this address may connect at all."""
        return not self._networks or _within(address, self._networks)

    def _negotiate(self, request: AssociateRequest, address: str) -> Accepted | Rejected:
        """Answer a request; `negotiate` is the same with a memory."""
        calling, called = title(request.calling), title(request.called)
        if request.application_context != pdu.APPLICATION_CONTEXT:
            return _refuse(calling, "application context", 2)
        if not self._settings.any_called and called != trim(self._settings.ae_title):
            return _refuse(calling, "called title", 7)
        if not self._knows(calling, address):
            return _refuse(calling, "calling title", 3)
        results = tuple(self._judge(context) for context in request.contexts)
        contexts = {
            context.id: Context(context.abstract_syntax, one.transfer_syntax == IMPLICIT)
            for context, one in zip(request.contexts, results, strict=True)
            if one.result == 0
        }
        roles = tuple(self._role(role) for role in request.roles if role.sop_class in self._offered)
        encoded = pdu.encode_accept(request, results, max_length=MAX_LENGTH, implementation=IMPLEMENTATION, roles=roles)
        return Accepted(calling, called, contexts, request.max_length, encoded)

    def _knows(self, calling: str, address: str) -> bool:
        known = self._stations.known(calling)
        if known is None:
            return self._settings.unknown_calling == "accept"
        return not known.addresses or _within(address, tuple(ipaddress.ip_network(one) for one in known.addresses))

    def _judge(self, context: PresentationContext) -> ContextResult:
        if context.abstract_syntax not in self._offered:
            return ContextResult(context.id, 3, IMPLICIT)
        for syntax in (EXPLICIT, IMPLICIT):
            if syntax in context.transfer_syntaxes:
                return ContextResult(context.id, 0, syntax)
        return ContextResult(context.id, 4, IMPLICIT)

    def _role(self, asked: Role) -> Role:
        """Let an archive be the SCP of storage commitment, whose event report it sends; elsewhere the requestor is the SCU."""
        if asked.sop_class == STORAGE_COMMITMENT:
            return asked
        return Role(asked.sop_class, asked.scu, scp=False)


def _within(address: str, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in networks)
