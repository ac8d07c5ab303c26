"""What a message of a partner does to a patient: kept as sent, three-valued, and nobody is ever lost."""

from datetime import date

import pytest

from ris.application.agenda.messages import MessageState
from ris.domain.identity.names import search_words, words_of
from ris.domain.identity.patient import ERASED, IdentityStatus, Traits, TraitsChange
from ris.domain.identity.traits import apply_change, civil_date
from tests.support.agenda import AUTHORITY
from tests.support.hl7 import Intake, adt, message, msh, orm, pid

INS = "284059999904239^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS"


@pytest.fixture
def intake():
    return Intake()


def test_a_registration_makes_a_patient_known_as_it_was_sent(intake):
    intake.take(
        adt(
            "ZFA|ACTIF|20260112081400|||||||INO|20260112081400|IC|20260112081400",
            "ZFD|||Y|N|SM||CN|20310501",
            pid_5="ADRUN^ZOE^ZOE MARIE^^^^L~D'ŒUVRE^Zoé^^^^^D",
            pid_11="1 RUE^^BOURG^^99000^FRA^H~^^^^^^BDL^^63220",
            pid_13="^PRN^PH^^^^^^^^^0100000009",
        )
    )

    known = intake.known()
    assert known.traits == Traits(
        birth_family="ADRUN",
        birth_given="ZOE",
        birth_given_all="ZOE MARIE",
        used_family="D'ŒUVRE",
        used_given="Zoé",
        birth_date=date(1975, 12, 31),
        birth_date_text="19751231",
        sex="F",
        birth_place_insee="63220",
        phone="0100000009",
    )
    assert (known.ipp(AUTHORITY), known.status, known.sites) == ("IPP-7", IdentityStatus.PROVISOIRE, {"nord"})
    assert (known.consents["ZFA-1"], known.consents["ZFA-9"], known.consents["ZFA-11"]) == ("ACTIF", "INO", "IC")
    assert (known.capture["ZFD-3"], known.capture["ZFD-7"], known.reliability) == ("Y", "CN", ("VIDE",))


@pytest.mark.parametrize("event", ["A01", "A04", "A05", "A08", "A14", "A28", "A31", "Z99"])
def test_every_event_of_a_present_patient_makes_one_known(intake, event):
    assert intake.take(adt(event=event)).entry.state is MessageState.APPLIED
    assert intake.patient()


@pytest.mark.parametrize("event", ["A03", "A11", "A13", "A38"])
def test_a_cancelled_or_ended_visit_makes_nobody_known_and_updates_somebody_known(intake, event):
    assert intake.take(adt(event=event)).entry.state is MessageState.APPLIED
    assert intake.patient() is None

    intake.take(adt())
    intake.take(adt(event=event, pid_5="ADRUN^ZOE LOU^^^^^L"))

    assert intake.known().traits.birth_given == "ZOE LOU"


@pytest.mark.parametrize("kind", ["ADT^A40^ADT_A39", "ADT^A47^ADT_A30", "SIU^S12^SIU_S12", "ORU^R01", "ADT", "ADT^ZZZ"])
def test_what_we_do_not_follow_waits_on_the_operators_list(intake, kind):
    intake.take(message(msh(kind), pid()))

    assert intake.listed() == [("message_type_not_supported", "MSH-9")]
    assert intake.patient() is None


def test_absent_leaves_and_null_erases(intake):
    intake.take(
        adt(
            "ZFA|ACTIF||||||||INO",
            pid_5="ADRUN^ZOE^^^^^L~USAGE^ZOE^^^^^D",
            pid_13="^PRN^PH^^^^^^^^^0100000009",
            pid_11="^^^^^^BDL^^63220",
        )
    )
    intake.take(adt(event="A31", pid_5="ADRUN^ZOE^^^^^L", pid_7="", pid_8=""))

    kept = intake.known().traits
    assert (kept.used_family, kept.phone, kept.birth_date, kept.sex) == ("USAGE", "0100000009", date(1975, 12, 31), "F")
    assert intake.known().consents["ZFA-9"] == "INO"

    intake.take(
        adt('ZFA|""', event="A31", pid_5='ADRUN^ZOE^^^^^L~""^^^^^^D', pid_7='""', pid_8='""', pid_11='""', pid_13='""', pid_32='""')
    )

    gone = intake.known()
    assert gone.traits == Traits(birth_family="ADRUN", birth_given="ZOE")
    assert (gone.consents, gone.reliability) == ({"ZFA-9": "INO"}, ())


@pytest.mark.parametrize("quotes", ['""', ' "" ', r"\X22\\X22\ ".strip()])
def test_two_quotes_are_never_stored_as_text(intake, quotes):
    intake.take(
        adt(
            f"ZFA|{quotes}|{quotes}",
            pid_5=f"ADRUN^ZOE^{quotes}^^^^L~{quotes}^{quotes}^^^^^D",
            pid_7=quotes,
            pid_8=quotes,
            pid_11=f"^^^^^^BDL^^{quotes}",
            pid_13=f"{quotes}^PRN^PH^^^^^^^^^{quotes}",
            pid_32=quotes,
        )
    )

    assert '""' not in repr(intake.known())


@pytest.mark.parametrize(
    "identifiers",
    [
        f"IPP-7^^^CIM&{AUTHORITY}&ISO^PI",
        f"9^^^AUTRE&1.2.3&ISO^PI~{INS}~IPP-7^^^CIM&{AUTHORITY}&ISO^PI~8^^^CIM&{AUTHORITY}&ISO^NH",
        f'""^^^CIM&{AUTHORITY}&ISO^PI~IPP-7^^^&{AUTHORITY}&ISO^PI',
        f"IPP-7^^^{AUTHORITY}^PI",
        f"IPP-7^^^CIM&{AUTHORITY}&ISO",
        f"77^^^CIM&{AUTHORITY}&ISO~IPP-7^^^CIM&{AUTHORITY}&ISO^PI",
    ],
)
def test_the_ipp_is_the_pi_of_the_sites_domain_wherever_it_stands(intake, identifiers):
    intake.take(adt(pid_3=identifiers))

    assert [(each.value, each.kind) for each in intake.known().identifiers] == [("IPP-7", "PI")]


@pytest.mark.parametrize(
    ("identifiers", "code"),
    [
        ("", "ipp_missing"),
        ('""', "ipp_missing"),
        (INS, "ipp_missing"),
        ("1^^^AUTRE&1.2.3&ISO^PI", "ipp_missing"),
        (f"1^^^{AUTHORITY}&1.2.3&ISO^PI", "ipp_missing"),
        (f"1^^^CIM&{AUTHORITY}&ISO^PI~2^^^CIM&{AUTHORITY}&ISO^PI", "several_ipp"),
        (f"{'9' * 65}^^^CIM&{AUTHORITY}&ISO^PI", "too_long"),
    ],
)
def test_a_message_without_one_ipp_waits_and_names_pid_3(intake, identifiers, code):
    intake.take(adt(pid_3=identifiers))

    assert intake.listed() == [(code, "PID-3")]


def test_an_ins_in_a_message_is_kept_nowhere_but_in_its_raw_frame(intake):
    intake.take(adt(pid_3=f"{INS}~IPP-7^^^CIM&{AUTHORITY}&ISO^PI", pid_32="VALI"))

    assert "284059999904239" not in repr(intake.known())


@pytest.mark.parametrize("text", ["19751231", "19751231235900", "197512312359+0200", "19751231235959.9999-1200", "19751231^D"])
def test_a_birth_date_is_a_civil_date_whatever_follows(intake, text):
    intake.take(adt(pid_7=text))

    assert intake.known().traits.birth_date == date(1975, 12, 31)


@pytest.mark.parametrize("text", ["19750231", "19751301", "1975", "197512", "19750000", "00000000", "31/12/1975", "INCONNUE"])
def test_an_impossible_birth_date_loses_nobody_and_is_kept_as_sent(intake, text):
    intake.take(adt(pid_7=text))

    traits = intake.known().traits
    assert (traits.birth_date, traits.birth_date_text) == (None, text)


@pytest.mark.parametrize("place", ["99999", "2A004", "2B999", "63999", "PARIS", "6322"])
def test_a_birth_place_is_kept_as_sent(intake, place):
    intake.take(adt(pid_11=f"1 RUE^^BOURG^^63000^FRA^H~^^^^^^BDL^^{place}"))

    assert intake.known().traits.birth_place_insee == place


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("ADRUN^ZOE", ("ADRUN", "")),
        ("USAGE^ZOE^^^^^D~ADRUN^ZOE^^^^^L", ("ADRUN", "USAGE")),
        ("X^Y^^^^^S~ADRUN^ZOE^^^^^L~UN^Z^^^^^D~DEUX^Z^^^^^D", ("ADRUN", "UN")),
        ("ADRUN&DE&ADRUN^ZOE^^^^^L", ("ADRUN", "")),
        ("~ADRUN^ZOE^^^^^L~", ("ADRUN", "")),
    ],
)
def test_the_birth_name_is_type_l_and_the_used_name_type_d(intake, names, expected):
    intake.take(adt(pid_5=names))

    traits = intake.known().traits
    assert (traits.birth_family, traits.used_family) == expected


@pytest.mark.parametrize("names", ["", '""', "USAGE^ZOE^^^^^D", '""^ZOE^^^^^L', "^ZOE^^^^^L", "   ^ZOE^^^^^L"])
def test_somebody_new_without_a_birth_name_waits_and_names_pid_5(intake, names):
    intake.take(adt(pid_5=names))

    assert intake.listed() == [("birth_name_missing", "PID-5")]


def test_an_absent_birth_name_of_somebody_known_stays(intake):
    intake.take(adt())
    intake.take(orm("ORC|SC|OPN-1", pid_5=""))
    intake.take(adt(event="A31", pid_5="USAGE^ZOE^^^^^D"))

    assert (intake.known().traits.birth_family, intake.known().traits.used_family) == ("ADRUN", "USAGE")


def test_a_trait_longer_than_its_field_waits_and_is_never_cut(intake):
    intake.take(adt(pid_5="A" * 251 + "^ZOE^^^^^L"))
    intake.take(adt(pid_13="^PRN^PH^^^^^^^^^" + "0" * 300))

    assert sorted(intake.listed()) == [("too_long", "PID-13"), ("too_long", "PID-5")]


def test_two_patients_in_one_message_wait(intake):
    intake.take(message(msh(), pid("1"), pid("2")))

    assert intake.listed() == [("several_patients", "PID")]


def test_the_same_message_again_writes_nothing(intake):
    intake.take(adt())
    version = intake.known().version

    intake.take(adt(control_id="ANOTHER"))

    assert intake.known().version == version


def test_sites_add_up(intake):
    intake.take(adt())
    intake.take(adt(event="A31"), site="nuit")

    assert intake.known().sites == {"nord", "nuit"}


def test_erasing_a_birth_name_is_refused():
    known = Traits("ADRUN", "ZOE")

    with pytest.raises(Exception, match="birth_name_missing"):
        apply_change(known, TraitsChange(birth_family=ERASED))


def test_civil_dates():
    assert civil_date("20240229") == date(2024, 2, 29)
    assert [civil_date(text) for text in ("20230229", "٢٠٢٤٠٢٢٩", "", "2024-02-29")] == [None] * 4


def test_names_are_found_without_accents_apostrophes_or_case():
    traits = Traits("D'ALMEIDA-ŒUVRÉ", "Gwénaëlle", used_family="LI")

    assert words_of("gwenaelle  d’almeida") == ["GWENAELLE", "DALMEIDA"]
    assert set(search_words(traits)) == {"DALMEIDA", "D", "ALMEIDA", "OEUVRE", "GWENAELLE", "LI"}
