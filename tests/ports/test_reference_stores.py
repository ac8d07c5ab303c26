"""The reference table, book and accounts: the memory twin and DynamoDB, one suite, over the demo group's own files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ris.adapters.dynamodb import Table
from ris.adapters.reference.dynamodb import DynamoAccountBook, DynamoReferenceBook, DynamoReferenceTable
from ris.adapters.reference.files import read_folder
from ris.adapters.reference.memory import MemoryReferenceBook, MemoryReferenceTable
from ris.application.access.ports import AccountBook
from ris.application.conflicts import Conflict
from ris.application.load_reference import ReferenceTable, entries_of, load_reference
from ris.application.reference import ReferenceBook, ReferenceData
from tests.support.access import NOW
from tests.support.cloud import deployed_cloud
from tests.support.tables import own_table

cloud = deployed_cloud()
DEMO = read_folder(Path(__file__).parents[2] / "infra" / "local" / "demo" / "reference")
BOTH = pytest.mark.parametrize("kind", ["memory", "dynamodb"])


class Seconds:
    """A clock of seconds, moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Stores:
    """The three faces of one table."""

    table: ReferenceTable
    book: ReferenceBook
    accounts: AccountBook
    clock: Seconds


@pytest.fixture
def stores(kind: str, request: pytest.FixtureRequest) -> Stores:
    clock = Seconds()
    if kind == "memory":
        table = MemoryReferenceTable()
        book = MemoryReferenceBook(table)
        return Stores(table, book, book, clock)
    own: Table = own_table(request.getfixturevalue("cloud"))
    return Stores(DynamoReferenceTable(own), DynamoReferenceBook(own, clock=clock), DynamoAccountBook(own, clock=clock), clock)


@BOTH
def test_the_demo_group_is_read_back_row_by_row_in_its_files_order(stores: Stores) -> None:
    load_reference(stores.table, DEMO, now=NOW)

    assert stores.book.sites() == list(DEMO.sites)
    assert stores.book.catalogue() == list(DEMO.catalogue)
    for site in DEMO.sites:
        assert stores.book.site(site.site) == site
        assert stores.book.rooms(site.site) == [room for room in DEMO.rooms if room.site == site.site]
        assert stores.book.modalities(site.site) == [one for one in DEMO.modalities if one.site == site.site]
    for exam in DEMO.catalogue:
        assert stores.book.catalogue_exam(exam.exam_code) == exam
    for practitioner in DEMO.practitioners:
        assert stores.book.practitioner(practitioner.rpps) == practitioner
    for correspondent in DEMO.correspondents:
        assert stores.book.correspondent(correspondent.rpps) == correspondent
    named = [one.rpps for one in DEMO.correspondents]
    assert stores.book.correspondents([*named, "0", ""]) == {one.rpps: one for one in DEMO.correspondents}
    assert stores.book.correspondents([]) == {}
    assert (stores.book.report_templates(), stores.book.report_macros()) == (list(DEMO.report_templates), list(DEMO.report_macros))
    for account in DEMO.accounts:
        assert stores.accounts.get(account.account_id) == account
    for login in DEMO.logins:
        account = stores.accounts.by_login(login.provider, login.subject)
        assert account
        assert account.account_id == login.account_id


@BOTH
def test_what_is_not_there_is_none(stores: Stores) -> None:
    load_reference(stores.table, DEMO, now=NOW)

    assert stores.book.site("ouest") is None
    assert stores.book.rooms("ouest") == stores.book.modalities("ouest") == []
    assert stores.book.catalogue_exam("XXXX000") is stores.book.practitioner("0") is stores.book.correspondent("0") is None
    for account in ("", "nobody", "a" * 5000, "é" * 600):
        assert stores.accounts.get(account) is None
    assert stores.accounts.by_login("group", "99900012347") is None
    assert stores.accounts.by_login("psc", "accueil.nord") is None
    assert stores.accounts.by_login("group", "a" * 5000) is None


@BOTH
def test_a_second_load_changes_nothing(stores: Stores) -> None:
    first = load_reference(stores.table, DEMO, now=NOW)
    version = stores.table.version()

    second = load_reference(stores.table, DEMO, now=NOW)

    assert (first.count("add"), first.unchanged) == (len(entries_of(DEMO)), 0)
    assert (second.changes, second.unchanged) == ((), len(entries_of(DEMO)))
    assert stores.table.version() == version == 1


@BOTH
def test_a_dry_run_says_what_would_change_and_changes_nothing(stores: Stores) -> None:
    report = load_reference(stores.table, DEMO, now=NOW, dry_run=True)

    assert report.count("add") == len(entries_of(DEMO))
    assert (list(stores.table.entries()), stores.table.version()) == ([], 0)


@BOTH
def test_what_left_the_files_leaves_the_table_a_site_with_its_rooms_too(stores: Stores) -> None:
    load_reference(stores.table, DEMO, now=NOW)
    kept = ReferenceData(
        legal_entities=DEMO.legal_entities[:1],
        sites=DEMO.sites[:1],
        rooms=tuple(room for room in DEMO.rooms if room.site == "nord"),
        modalities=tuple(one for one in DEMO.modalities if one.site == "nord"),
        catalogue=(replace(DEMO.catalogue[0], duration_minutes=45), *DEMO.catalogue[2:]),
        accounts=DEMO.accounts[1:],
        logins=DEMO.logins[1:],
    )

    report = load_reference(stores.table, kept, now=NOW)

    assert sorted(stores.table.entries(), key=repr) == sorted(entries_of(kept), key=repr)
    assert report.count("remove") == len(entries_of(DEMO)) - len(entries_of(kept))
    removed = [change.entry.kind for change in report.changes if change.verb == "remove"]
    assert removed.index("room") < removed.index("site") < removed.index("legal_entity")
    assert stores.accounts.by_login("group", "accueil.nord") is None


@BOTH
def test_two_loads_at_once_do_not_mix(stores: Stores) -> None:
    load_reference(stores.table, DEMO, now=NOW)
    held = sorted(stores.table.entries(), key=repr)

    with pytest.raises(Conflict):
        stores.table.apply((), version=0, now=NOW)

    assert sorted(stores.table.entries(), key=repr) == held


@pytest.mark.parametrize("kind", ["dynamodb"])
def test_a_change_shows_within_minutes_and_a_table_that_was_empty_at_once(stores: Stores) -> None:
    assert stores.book.sites() == []
    load_reference(stores.table, DEMO, now=NOW)
    assert stores.book.sites() == list(DEMO.sites)
    assert stores.accounts.get("accueil.nord")

    load_reference(stores.table, replace(DEMO, sites=DEMO.sites[:2], accounts=DEMO.accounts[1:]), now=NOW)
    stores.clock.now = 59
    assert stores.accounts.get("accueil.nord")
    stores.clock.now = 60
    assert stores.accounts.get("accueil.nord") is None
    stores.clock.now = 120
    assert stores.book.sites() == list(DEMO.sites[:2])


@pytest.mark.parametrize("kind", ["dynamodb"])
def test_an_attribute_that_a_newer_release_wrote_is_left_aside(stores: Stores) -> None:
    load_reference(stores.table, DEMO, now=NOW)
    table: Table = stores.table._table  # type: ignore[attr-defined]
    item = table.get("SITE", "nord")
    table.client.put_item(**table.putting(item | {"parking": "yes"})["Put"])  # type: ignore[operator]

    assert stores.book.sites() == list(DEMO.sites)
