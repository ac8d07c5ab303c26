"""Taking up the directory's extract: found by its columns' names, whole or not at all, and never a smaller world by accident."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest

from ris.adapters.dispatch.directory import MemoryDirectory
from ris.adapters.dispatch.extract import PipedExtract, _lines
from ris.application.dispatch.import_directory import DirectoryServices, import_directory
from ris.application.dispatch.mail_port import DirectoryMailbox
from ris.domain.errors import InvalidInput, RemoteUnavailable

HEADER = (
    "Type de BAL|Adresse BAL|Type d'identifiant PP|Identifiant PP|Identification nationale PP|Type d'identifiant structure|"
    "Identification structure|Service de rattachement|Dématérialisation|\n"
)
LINES = (
    "PER|Luc.Exemple@medecin.mssante.example|8|89990005678|889990005678||||O|\n",
    "ORG|service@hopital.mssante.example|||||1990000033|Urgences|O|\n",
    "CAB|cabinet@medecin.mssante.example|8|89990005678|889990005678|FINESS|1990000041|Cabinet|O|\n",
)


class Extracts:
    """Extracts by key; the last one is the newest."""

    def __init__(self, **texts: str) -> None:
        self.texts = texts
        self.down = False

    def newest(self) -> str:
        if self.down:
            raise RemoteUnavailable("directory_unavailable")
        return list(self.texts)[-1] if self.texts else ""

    def lines(self, key: str) -> Iterator[str]:
        return _lines(self.texts[key].encode())


def services(**texts: str) -> DirectoryServices:
    return DirectoryServices(Extracts(**texts), PipedExtract(), MemoryDirectory())


@pytest.mark.segur("ANN.01")
def test_an_extract_is_taken_up_once() -> None:
    s = services(one=HEADER + "".join(LINES))

    first, second = import_directory(s), import_directory(s)

    assert (first.written, first.unreadable, second.written) == (3, 0, 0)
    assert [one.address for one in s.table.of_professional("89990005678")] == [
        "cabinet@medecin.mssante.example",
        "luc.exemple@medecin.mssante.example",
    ]
    assert s.table.of_structure("990000033") == [
        DirectoryMailbox("service@hopital.mssante.example", "ORG", structure="990000033", label="Urgences")
    ]


def test_what_a_new_extract_no_longer_has_is_gone() -> None:
    s = services(one=HEADER + "".join(LINES), two=HEADER + "".join(LINES[1:]))
    s.extracts.texts = {"one": HEADER + "".join(LINES)}
    import_directory(s)
    s.extracts.texts = {"two": HEADER + "".join(LINES[1:])}
    import_directory(s)

    assert [one.kind for one in s.table.of_professional("89990005678")] == ["CAB"]


def test_columns_are_found_by_their_names_in_any_order() -> None:
    shuffled = (
        "ADRESSE BAL|Autre|Identification Structure|Identifiant PP|TYPE DE BAL\n" + "a@b.mssante.example|x||89990005678|PER\n"
    )

    s = services(one=shuffled)
    import_directory(s)

    assert s.table.of_professional("89990005678")[0].address == "a@b.mssante.example"


@pytest.mark.parametrize(
    "line",
    [
        "PER|no-address|8|89990005678|889990005678||||O|\n",
        "XXX|a@b.example|8|89990005678|||||O|\n",
        "PER|a@b.example||||||||\n",
        "PER|a@b\n",
    ],
)
def test_a_line_that_cannot_be_read_is_counted_and_the_rest_is_taken(line: str) -> None:
    done = import_directory(services(one=HEADER + line + LINES[0]))

    assert (done.written, done.unreadable) == (1, 1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "extract_unreadable"),
        ("<html>maintenance</html>\n", "extract_unreadable"),
        (HEADER, "extract_shrunk"),
        (HEADER + LINES[0], "extract_shrunk"),
        (HEADER + "".join(LINES) + "PER|anne.copie@med", "extract_unreadable"),
    ],
)
def test_an_extract_that_is_none_or_was_cut_leaves_what_stands(text: str, code: str) -> None:
    s = services(one=HEADER + "".join(LINES))
    import_directory(s)
    before = s.table.of_professional("89990005678")
    s.extracts.texts = {"two": text}

    with pytest.raises(InvalidInput, match=code):
        import_directory(s)

    assert s.table.of_professional("89990005678") == before
    assert s.table.load().number == 1


def test_no_directory_and_no_answer_change_nothing() -> None:
    assert import_directory(services()).written == 0
    s = services(one=HEADER + LINES[0])
    s.extracts.down = True
    with pytest.raises(RemoteUnavailable):
        import_directory(s)


def test_a_zip_is_read_and_a_broken_one_is_not() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Extraction_202611260300.txt", HEADER + LINES[0])
    assert list(_lines(packed.getvalue())) == [HEADER, LINES[0]]

    for broken in (packed.getvalue()[: len(packed.getvalue()) // 2], b"PK\x03\x04 nothing"):
        with pytest.raises(InvalidInput, match="extract_unreadable"):
            list(_lines(broken))
