"""The X-Ray SDK stays out unless the invocation is sampled, and never sends a text."""

import subprocess
import sys

import pytest

from ris.observability import span

CANARY = "CANARI-DUPONT"


def test_without_active_tracing_the_sdk_is_not_even_imported():
    code = "import sys\nfrom ris.observability import span\nwith span('x'): pass\nprint('aws_xray_sdk' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "False"


def test_a_sampled_span_tells_the_class_of_an_error_and_not_its_text(monkeypatch):
    from aws_xray_sdk.core import xray_recorder

    sent = []
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    xray_recorder.configure(
        context_missing="LOG_ERROR", emitter=type("Kept", (), {"send_entity": lambda self, e: sent.append(e.serialize())})()
    )
    segment = xray_recorder.begin_segment("test", sampling=1)

    with pytest.raises(ValueError, match=CANARY), span("send_hl7"):
        raise ValueError(CANARY)

    xray_recorder.end_segment()
    assert segment is not None
    assert "send_hl7" in sent[0]
    assert "ValueError" in sent[0]
    assert CANARY not in sent[0]
