"""The OpenAPI document says what the routes are, and what they answer is what it says."""

import json

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from ris.portal.routing import Scope
from tests.support.portal import PortalHouse


@pytest.fixture(scope="module")
def house():
    made = PortalHouse()
    patient = made.patient()
    made.request(patient)
    made.exam = made.booked(patient, "11:00", exam_code="ZCQK004")
    return made


@pytest.fixture(scope="module")
def document(house):
    return house.browser("accueil.nord").get("/api/openapi.json").json


def test_it_is_valid(document):
    validate(document)


def test_it_lists_exactly_the_routes_of_the_application(house, document):
    routes = {(pattern, method.lower()) for pattern, methods in house.portal.app.routes.items() for method in methods}

    assert routes == {(path, method) for path, methods in document["paths"].items() for method in methods}
    public = {path for path, methods in document["paths"].items() for operation in methods.values() if not operation["security"]}
    assert public == {
        p for p, ms in house.portal.app.routes.items() for e in ms.values() if e.view_function.rule.scope is Scope.PUBLIC
    }


def test_every_operation_has_its_own_name_and_a_summary(document):
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]

    assert len(operations) == len({operation["operationId"] for operation in operations})
    assert all(operation["summary"].endswith((".", "…")) for operation in operations)


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/sites/{site}/agenda", "/sites/nord/agenda"),
        ("/sites/{site}/worklist", "/sites/nord/worklist"),
        ("/sites/{site}/requests", "/sites/nord/requests"),
        ("/exams/{accession}", "/exams/{accession}"),
        ("/account", "/account"),
    ],
)
def test_the_json_of_a_page_is_what_the_document_says(house, document, path, address):
    answer = house.browser("accueil.nord").get(address.format(accession=house.exam.accession_number), accept="application/json")
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    OAS31Validator({**schema, "components": document["components"]}).validate(json.loads(answer.body))
    assert "application/json; charset=utf-8" == answer.headers["Content-Type"]


def test_a_refusal_in_json_is_a_problem(house, document):
    answer = house.browser("accueil.nord").get("/exams/0", accept="application/json")

    OAS31Validator(document["components"]["schemas"]["Problem"]).validate(answer.json)
    assert 404 == answer.status
