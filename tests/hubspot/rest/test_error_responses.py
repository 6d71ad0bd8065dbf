from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.errors import BadRequest, Forbidden, NotFound, SyncWorkerError, Unauthorized, Unavailable
from sync_worker.hubspot.rest.error_responses import (
    Conflict,
    InvalidRequest,
    Locked,
    MissingScope,
    parse_error_response,
    parse_retry_after,
    redact,
)
from sync_worker.hubspot.rest.error_translation import translate_error
from tests.hubspot.fakes import CORRELATION_ID, error_body

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)

NO_TOKEN = error_body(
    "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at "
    "https://developers.hubspot.com/docs/methods/auth/oauth-overview",
    "INVALID_AUTHENTICATION",
)
EXPIRED = error_body(
    "The OAuth token used to make this call expired 75 second(s) ago.",
    "EXPIRED_AUTHENTICATION",
    context={"expire time": ["2022-06-21T10:37:52.040Z"]},
)
NO_SCOPE = error_body(
    "This app hasn't been granted all required scopes to make this call.",
    "MISSING_SCOPES",
    errors=[
        {
            "message": "One or more of the following scopes are required.",
            "context": {"requiredGranularScopes": ["crm.objects.contacts.read"]},
        }
    ],
    links={"scopes": "https://developers.hubspot.com/scopes"},
)
OLD_NO_SCOPE = error_body("…", "MISSING_SCOPES", errors=[{"message": "…", "context": {"requiredScopes": ["content"]}}])
UNKNOWN_PROPERTY = error_body(
    'Property values were not valid: [{"isValid":false,"message":"Property \\"x\\" does not exist","error":"PROPERTY_DOESNT_EXIST",'
    '"name":"x","localizedErrorMessage":"Property \\"x\\" does not exist"}]',
    "VALIDATION_ERROR",
    errors=[{"message": 'Property "x" does not exist', "code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["x"]}}],
)
BAD_EMAIL = error_body(
    "Property values were not valid: "
    '[{"isValid":false,"message":"Email address ann@@acme is invalid","error":"INVALID_EMAIL","name":"email"}]',
    "VALIDATION_ERROR",
)
DUPLICATES = error_body("Duplicate IDs found in batch input: [123]. IDs must be unique", "VALIDATION_ERROR", context={"ids": ["123"]})
EXISTS = error_body("Contact already exists. Existing ID: 6001", "CONFLICT")


def translate_response(status: int, body: object, **more: float) -> SyncWorkerError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return translate_error(parse_error_response(status, content), operation="read contacts", **more)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, NO_TOKEN, Unauthorized),
        (401, EXPIRED, Unauthorized),
        (403, NO_SCOPE, MissingScope),
        (403, OLD_NO_SCOPE, MissingScope),
        (403, error_body("Your plan does not include this."), Forbidden),
        (404, error_body("resource not found"), NotFound),
        *((status, body, Unavailable) for status in (401, 403, 404, 410) for body in (b"", b"<html>", {"message": "Forbidden"}, [])),
        (410, error_body("Gone"), InvalidRequest),
        (400, UNKNOWN_PROPERTY, InvalidRequest),
        (400, DUPLICATES, InvalidRequest),
        (405, b"<html>", InvalidRequest),
        (414, b"<html>", InvalidRequest),
        (415, error_body("Unsupported"), InvalidRequest),
        (409, EXISTS, Conflict),
        (408, b"", Unavailable),
        (423, error_body("Locked"), Locked),
        (477, error_body("Migration in progress"), Unavailable),
        *((status, b"<html>bad</html>", Unavailable) for status in (500, 502, 503, 504, 521, 522, 523, 524, 525, 526, 530)),
        (302, b"", Unavailable),
    ],
)
def test_each_status_has_one_error_type(status: int, body: object, error: type[SyncWorkerError]) -> None:
    found = translate_response(status, body)

    assert type(found) is error
    assert found.operation == "read contacts"


def test_a_missing_scope_is_named() -> None:
    error = translate_response(403, NO_SCOPE)

    assert isinstance(error, MissingScope)
    assert error.scopes == ("crm.objects.contacts.read",)
    assert "crm.objects.contacts.read" in str(error)
    assert "content" in str(translate_response(403, OLD_NO_SCOPE))


def test_a_403_without_a_scope_points_to_the_plan() -> None:
    assert "plan" in str(translate_response(403, error_body("no")))


def test_an_invalid_request_has_details() -> None:
    error = translate_response(400, UNKNOWN_PROPERTY)

    assert isinstance(error, InvalidRequest)
    assert error.response.category == "VALIDATION_ERROR"
    assert error.response.codes == {"PROPERTY_DOESNT_EXIST"}
    assert error.response.details[0].properties == ("x",)
    assert str(error.response) == "x: PROPERTY_DOESNT_EXIST"
    assert isinstance(error, BadRequest)


def test_details_in_the_message_are_parsed() -> None:
    problem = parse_error_response(400, json.dumps(BAD_EMAIL).encode())

    assert str(problem) == "email: INVALID_EMAIL"


def test_ids_are_found_in_the_context() -> None:
    assert [detail.ids for detail in parse_error_response(400, json.dumps(DUPLICATES).encode()).details] == [("123",)]


def test_email_addresses_in_messages_are_masked() -> None:
    error = translate_response(400, error_body("Contact ann.lee+x@acme.example was refused"))

    assert "ann" not in str(error)
    assert "acme" not in str(error)
    assert "<address> was refused" in str(error)


def test_an_error_names_the_correlation_id_for_hubspots_support() -> None:
    assert CORRELATION_ID in str(translate_response(500, error_body("internal error")))


def test_a_locked_record_is_retried_after_two_seconds() -> None:
    error = translate_response(423, error_body("Locked"))

    assert isinstance(error, Unavailable)
    assert error.retry_after == 2


def test_a_portal_migration_has_a_retry_after() -> None:
    error = translate_response(477, b"", retry_after=3_600.0)

    assert isinstance(error, Unavailable)
    assert error.retry_after == 3_600
    assert "3600 s" in str(error)


@pytest.mark.parametrize(
    ("status", "body", "address"),
    [
        (488, {"status": "error", "message": "Hub 1 is unknown to this Hublet", "correctHublet": "eu1"}, "https://api-eu1.hubapi.com."),
        (488, {"status": "error", "message": "Hub 1 is unknown to this Hublet", "correctHublet": "na2"}, "https://api.hubapi.com."),
        (488, {"status": "error", "correctHublet": "evil.example/"}, "for example https://api-eu1.hubapi.com."),
        (307, b"", "for example https://api-eu1.hubapi.com."),
    ],
)
def test_a_portal_in_another_data_center_has_a_hint(status: int, body: object, address: str) -> None:
    error = translate_response(status, body)

    assert isinstance(error, Unavailable)
    assert "HUBSPOT_BASE_URL" in str(error)
    assert str(error).endswith(f" {address}")
    assert "evil" not in str(error)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("5", 5.0),
        ("0.5", 0.5),
        ("-5", 0.0),
        ("Fri, 20 Nov 2026 22:01:00 GMT", 60.0),
        ("Fri, 20 Nov 2026 21:00:00 GMT", 0.0),
        *((odd, None) for odd in ("soon", "", "nan", "inf", "1e9", "9" * 5_000)),
        *((odd, None) for odd in ("Fri, 31 Dec 9999 23:59:59 -1200", "31 Dec 99999")),
    ],
)
def test_both_formats_of_retry_after_are_parsed(value: str, seconds: float | None) -> None:
    assert parse_retry_after({"Retry-After": value}, NOW) == seconds


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["message", "errors", "context", "ids", "code", "name"]), inner, max_size=4)
    ),
    max_leaves=10,
)


ERROR_BY_STATUS: dict[int, type[SyncWorkerError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    423: Locked,
    500: Unavailable,
}


@given(status=st.sampled_from(sorted(ERROR_BY_STATUS)), body=json_values)
def test_a_malformed_error_body_gives_the_error_of_its_status_or_of_a_gateway(status: int, body: object) -> None:
    error = translate_response(status, body)

    assert isinstance(error, Unavailable if status in {401, 403, 404} else ERROR_BY_STATUS[status])
    _check_message(error)


@given(
    status=st.sampled_from(sorted(ERROR_BY_STATUS)), body=st.dictionaries(st.sampled_from(["message", "errors", "context"]), json_values)
)
def test_a_malformed_error_of_hubspot_gives_the_error_of_its_status(status: int, body: dict[str, object]) -> None:
    error = translate_response(status, body | {"status": "error"})

    assert isinstance(error, ERROR_BY_STATUS[status])
    _check_message(error)


def _check_message(error: SyncWorkerError) -> None:
    assert error.message
    assert str(error).startswith(f"read contacts: {error.message}")


@given(st.emails())
def test_no_email_address_is_quoted(address: str) -> None:
    text = redact(f"The contact {address} exists.")

    assert address not in text
