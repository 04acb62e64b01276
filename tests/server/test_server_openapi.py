"""Schemathesis on the OpenAPI document: whatever fits the schema, the server never fails."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cpcs_desktop.wire import ErrorBody


def test_no_request_makes_the_server_fail(bench: Any) -> None:
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", bench.client.app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) == 12
    strategies = st.one_of(*(operation.as_strategy() for operation in operations))

    @settings(
        max_examples=70,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategies)
    def run(case: Any) -> None:
        answer = case.call(headers=bench.auth("admin"))
        assert answer.status_code < 500, (case, answer.text)
        if answer.status_code >= 400:
            ErrorBody.model_validate_json(answer.content)

    run()


def test_the_document_names_every_refusal(bench: Any) -> None:
    document = bench.client.get("/api/v1/openapi.json").json()
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            refused = {s: r for s, r in operation["responses"].items() if s >= "400"}
            for status, refusal in refused.items():
                name = refusal["content"]["application/json"]["schema"]["$ref"]
                assert name.endswith("/ErrorBody"), (verb, path, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]
