"""The file says what is done, else OpenTelemetry's own variables do."""

from __future__ import annotations

import logging
import subprocess
import sys
from typing import Any

import pytest

from headgate.config import loads
from headgate.errors import ConfigError
from headgate.telemetry.otel.config import OtelConfig
from headgate.telemetry.otel.settings import INSTANCE, Destination, Settings, settle


def settled(environ: dict[str, str] | None = None, **config: Any) -> Settings:
    settings = settle(OtelConfig(**config), environ or {})
    assert settings is not None
    return settings


def traces(environ: dict[str, str] | None = None, **config: Any) -> Destination:
    destination = settled(environ, **config).traces
    assert destination is not None
    return destination


def test_what_is_done_where_nothing_is_said():
    settings = settled()
    assert settings.traces is not None
    assert settings.metrics is not None
    assert (settings.traces.url, settings.metrics.url) == (
        "http://localhost:4318/v1/traces", "http://localhost:4318/v1/metrics",
    )  # fmt: skip
    assert (settings.grpc, settings.sample, settings.follow, settings.interval_s) == (False, 1.0, True, 60.0)
    assert (settings.queue, settings.batch, settings.delta, settings.content) == (20_000, 512, False, None)
    assert (settings.traces.timeout_s, settings.traces.gzip, settings.traces.headers) == (10.0, False, ())
    resource = dict(settings.resource)
    assert (resource["service.name"], resource["service.instance.id"]) == ("headgate", INSTANCE)


def test_the_file_goes_before_the_environment():
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://other:2/x",
        "OTEL_EXPORTER_OTLP_HEADERS": "a=b", "OTEL_EXPORTER_OTLP_TIMEOUT": "1000", "OTEL_TRACES_SAMPLER_ARG": "0.1",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_RESOURCE_ATTRIBUTES": "a=env,b=env", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }  # fmt: skip
    file = {
        "endpoint": "http://mine:4318/", "headers": {"API-Key": "k"}, "timeout_s": 2.0, "sample": 0.5,
        "compression": "none", "interval_s": 5.0, "resource": {"a": "file"}, "protocol": "http/protobuf",
    }  # fmt: skip
    settings, destination = settled(environ, **file), traces(environ, **file)
    assert destination.url == "http://mine:4318/v1/traces"
    assert (destination.headers, destination.timeout_s, destination.gzip) == ((("api-key", "k"),), 2.0, False)
    assert (settings.sample, settings.interval_s, settings.grpc) == (0.5, 5.0, False)
    assert (dict(settings.resource)["a"], dict(settings.resource)["b"]) == ("file", "env")


def test_the_environment_alone():
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://all:4318/base/", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://one:9/t",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b, x=1", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2500",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem", "OTEL_SERVICE_NAME": "mine", "OTEL_BSP_MAX_QUEUE_SIZE": "3000",
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta", "OTEL_TRACES_SAMPLER": "traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.25", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "100", "OTEL_BSP_SCHEDULE_DELAY": "200",
    }  # fmt: skip
    settings, destination = settled(environ), traces(environ)
    assert destination.url == "http://one:9/t", "a signal's own place is taken as it is"
    assert settings.metrics is not None
    assert settings.metrics.url == "https://all:4318/base/v1/metrics"
    assert destination.headers == (("api-key", "a b"), ("x", "1"))
    assert (destination.timeout_s, settings.metrics.timeout_s, destination.ca_file) == (2.5, 10.0, "/ca.pem")
    assert (dict(settings.resource)["service.name"], settings.queue, settings.batch) == ("mine", 3_000, 100)
    assert (settings.delta, settings.follow, settings.sample, settings.delay_s) == (True, False, 0.25, 0.2)


@pytest.mark.parametrize(
    ("sampler", "follow", "share"),
    [
        ("always_on", False, 1.0),
        ("always_off", False, 0.0),
        ("parentbased_always_on", True, 1.0),
        ("parentbased_always_off", True, 0.0),
        ("parentbased_traceidratio", True, 0.5),
        ("jaeger_remote", True, 1.0),
    ],
)
def test_samplers(sampler: str, follow: bool, share: float):
    settings = settled({"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": "0.5"})
    assert (settings.follow, settings.sample) == (follow, share)


def test_what_is_switched_off():
    assert settle(OtelConfig(), {"OTEL_SDK_DISABLED": "true"}) is None
    assert settled({"OTEL_TRACES_EXPORTER": "none"}).traces is None
    assert settled({"OTEL_METRICS_EXPORTER": "none"}).metrics is None
    assert settled(traces=False).traces is None
    assert settled(metrics=False).metrics is None


def test_what_cannot_be_read_is_passed_over_and_told(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        settings = settled(
            {
                "OTEL_METRIC_EXPORT_INTERVAL": "soon",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
                "OTEL_RESOURCE_ATTRIBUTES": "secret-ish",
                "OTEL_TRACES_SAMPLER_ARG": "nan",
            }
        )
    assert (settings.interval_s, settings.grpc, settings.sample) == (60.0, False, 1.0)
    assert len(caplog.records) == 4
    assert "secret-ish" not in caplog.text


def test_grpc_has_no_paths_and_its_own_port():
    assert traces(protocol="grpc").url == "http://localhost:4317"
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}
    assert traces(environ, protocol="grpc").url == "https://collector:4317"
    assert traces({**environ, "OTEL_EXPORTER_OTLP_INSECURE": "true"}, protocol="grpc").url == "http://collector:4317"


@pytest.mark.parametrize(
    ("environ", "config", "where"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "nowhere"}, {}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "ftp://x"}, {}, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
        ({}, {"endpoint": "http://user:word@host"}, "telemetry.otel.endpoint"),
        ({}, {"headers": {"a": "x\r\ny"}}, "telemetry.otel.headers"),
    ],
)
def test_what_cannot_be_used_is_told_without_what_may_be_secret(
    environ: dict[str, str], config: dict[str, Any], where: str
):
    with pytest.raises(ConfigError) as error:
        settle(OtelConfig(**config), environ)
    assert error.value.problems[0].startswith(where)
    assert "word" not in str(error.value)


def test_no_secret_is_shown():
    config = OtelConfig(headers={"api-key": "hidden"}, endpoint="http://x")
    assert "hidden" not in repr(config)
    assert "hidden" not in repr(settle(config, {}))


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("{endpoint: nowhere}", "telemetry.otel.endpoint: is no address"),
        ('{endpoint: "http://c:4318/v1/traces"}', "telemetry.otel.endpoint: ends in /v1/traces"),
        ("{client_key: k.pem}", "telemetry.otel.client_key: needs client_cert"),
        ("{protocol: http/json}", "telemetry.otel.protocol"),
        ("{sample: 2}", "telemetry.otel.sample"),
        ("{conventions: '1.30'}", "telemetry.otel.conventions"),
        ("{content: {max_kb: 0}}", "telemetry.otel.content.max_kb"),
    ],
)
def test_mistakes_have_their_line(block: str, problem: str):
    with pytest.raises(ConfigError) as error:
        loads(
            f"providers: {{s: {{kind: simulator}}}}\nmodels: {{m: {{targets: [s/x]}}}}\ntelemetry:\n  otel: {block}\n"
        )
    [told] = error.value.problems
    assert told.startswith("headgate.yaml:4: ")
    assert problem in told


def test_grpc_wants_its_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("headgate.config.rules.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'headgate\[otel\]'"):
        loads("telemetry: {otel: {protocol: grpc}}")


def test_each_process_has_a_name_of_its_own():
    program = "from headgate.telemetry.otel.settings import INSTANCE; print(INSTANCE)"
    [one, other] = [subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(2)]
    assert len({one.stdout, other.stdout, INSTANCE.encode()}) == 3


def test_workers_do_not_share_a_name_they_were_given():
    environ = {"OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=pod-7"}
    names = [dict(settled({**environ, "HEADGATE_WORKER": number}).resource)["service.instance.id"] for number in "01"]
    assert names == ["pod-7-0", "pod-7-1"]
    assert dict(settled(environ).resource)["service.instance.id"] == "pod-7"
