"""The link that opens the PACS: two placeholders, numbers of ours, and no way to run anything."""

from __future__ import annotations

import pytest

from ris.domain.report.pacs_link import pacs_link, wrong_pattern


def test_the_exams_own_numbers_stand_where_the_site_wants_them() -> None:
    pattern = (
        "https://pacs.example/IHEInvokeImageDisplay?requestType=STUDY&studyUID={StudyInstanceUID}&accessionNumber={AccessionNumber}"
    )

    link = pacs_link(pattern, study_instance_uid="1.2.3", accession_number="26 1&x=#")

    assert link.endswith("?requestType=STUDY&studyUID=1.2.3&accessionNumber=26%201%26x%3D%23")
    assert "" == pacs_link("", study_instance_uid="1.2.3", accession_number="26")
    assert "weasis://1.2.3" == pacs_link("weasis://{StudyInstanceUID}", study_instance_uid="1.2.3", accession_number="26")


@pytest.mark.parametrize(
    ("pattern", "wrong"),
    [
        ("", ""),
        ("https://pacs.example/", ""),
        ("http://10.0.0.1:8080/v?s={StudyInstanceUID}", ""),
        ("weasis://$dicom:get?study={StudyInstanceUID}", ""),
        ("https://pacs.example/{PatientID}", "placeholder"),
        ("https://pacs.example/{PatientName}?a={AccessionNumber}", "placeholder"),
        ("https://pacs.example/{studyinstanceuid}", "placeholder"),
        ("https://pacs.example/{{AccessionNumber}", "placeholder"),
        ("https://pacs.example/}", "placeholder"),
        ("javascript:alert({AccessionNumber})", "address"),
        ("data:text/html,x", "address"),
        ("/viewer?{AccessionNumber}", "address"),
        ("https://pacs.example/ x", "address"),
        ('https://pacs.example/"onload=', "address"),
    ],
)
def test_a_setting_that_would_not_do_is_named(pattern: str, wrong: str) -> None:
    assert wrong == wrong_pattern(pattern)
