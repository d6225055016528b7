"""Whatever a header, a file, a variable or an argument holds: it is read, or refused by our own exception."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from datadog_slo import DatadogSLO
from datadog_slo._checkpoint import Checkpoint, Kept
from datadog_slo.sandbox import DatadogSandbox
from rootly_sla import RootlySLA
from slo_common import InvalidArgument, SloError
from slo_common._jsonrpc import Failure, InvalidEnvelope, Success, answer, answers
from slo_common._ratelimit import retry_after
from slo_common._url import base_url
from slo_common.sandbox import VirtualClock
from zabbix_sla import ZabbixSLA

BOUNDED = settings(max_examples=300, deadline=None, derandomize=True, database=None, phases=(Phase.generate, Phase.shrink))
START, END = 1_780_000_000, 1_780_300_000

dates = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Wed", "Mon", "", "W"]),
    st.integers(-1, 40),
    st.sampled_from(["Oct", "Feb", "Foo", "10"]),
    st.integers(0, 99_999),
    st.integers(0, 30),
    st.integers(0, 70),
    st.integers(0, 70),
    st.sampled_from(["GMT", "+0100", "-9999", "", "PST"]),
)
hints = (
    dates
    | st.text(max_size=30)
    | st.floats().map(str)
    | st.integers().map(str)
    | st.sampled_from(["\u0661", "1_0", " 5 ", "0x10", "1e3"])
)


@BOUNDED
@given(hints, hints)
def test_retry_after_is_a_sane_number_or_nothing(text: str, date: str) -> None:
    seconds = retry_after(text, date=date)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


urls = st.text(max_size=40) | st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTPS://", "ftp://", "file:///", "//", "", "javascript:"]),
    st.sampled_from(
        ["", "u:p@", "u@", "\t", "[", "[::1]", "localhost", "127.0.0.1", "a.example", "xn--", "ü.example", "a b", "%2e", "."]
    ),
    st.sampled_from(["", ":1", ":0", ":99999", ":x", ":", ":-1", ":٣"]),
    st.sampled_from(["", "/", "/api", "/../x", "/%2e%2e", "/\n", "\\x", "/ü"]),
    st.sampled_from(["", "?q=1", "#f", "?", "\x00"]),
)


@BOUNDED
@given(urls, st.booleans())
def test_an_address_is_taken_or_refused(url: str, allow_insecure: bool) -> None:
    try:
        found = base_url(url, allow_insecure=allow_insecure)
    except SloError as e:
        assert "u:p@" not in str(e)
        return
    assert found.lower().startswith(("http://", "https://"))
    assert "@" not in found
    assert base_url(found, allow_insecure=allow_insecure) == found


MARK = "s3cret"
secrets = (
    st.text(max_size=20).map(lambda text: f"{MARK}{text}")
    | st.binary(max_size=20)
    | st.none()
    | st.integers()
    | st.lists(st.text(max_size=2), max_size=2)
)


@BOUNDED
@given(secrets, secrets, st.text(max_size=20) | st.binary(max_size=3) | st.integers() | st.none(), urls | st.none())
def test_clients_are_made_or_refuse_what_they_are_given(one: Any, two: Any, site: Any, url: Any) -> None:
    for make in (
        lambda: DatadogSLO(one, two, base_url=url),
        lambda: DatadogSLO(bearer_token=one, site=site),
        lambda: RootlySLA(one, base_url=url),
        lambda: ZabbixSLA(url, token=one),
        lambda: ZabbixSLA(url, user=one, password=two),
    ):
        try:
            make().close()
        except SloError as e:
            assert MARK not in str(e)


NAMES = ("DD_API_KEY", "DD_APP_KEY", "DD_SITE", "DD_BASE_URL", "ROOTLY_API_TOKEN", "ROOTLY_BASE_URL", "ZABBIX_URL", "ZABBIX_TOKEN")
variables = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20) | urls.filter(
    lambda url: "\x00" not in url
)


@BOUNDED
@given(st.dictionaries(st.sampled_from(NAMES), variables))
def test_clients_are_made_or_refuse_what_the_environment_holds(values: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.delenv(name, raising=False)
        for name, value in values.items():
            patch.setenv(name, value)
        for make in (DatadogSLO, RootlySLA, ZabbixSLA):
            try:
                make().close()
            except SloError as e:
                assert str(e)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["jsonrpc", "id", "result", "error", "code", "message", "data"]), inner)
    ),
    max_leaves=10,
)
members = st.fixed_dictionaries(
    {"jsonrpc": st.sampled_from(["2.0", "1.0", 2]), "id": st.integers(0, 4) | st.none() | st.booleans() | st.text(max_size=1)},
    optional={"result": json_values, "error": json_values | st.fixed_dictionaries({"code": st.integers() | st.text(max_size=2)})},
)


@BOUNDED
@given(json_values | members)
def test_an_answer_of_json_rpc_is_read_or_refused(value: Any) -> None:
    try:
        found = answer(value, id=1)
    except InvalidEnvelope:
        return
    assert found.id == 1 or (isinstance(found, Failure) and found.id is None)


@BOUNDED
@given(st.lists(members | json_values, max_size=5) | json_values | members, st.integers(1, 4))
def test_answers_of_a_batch_are_matched_or_refused(value: Any, count: int) -> None:
    try:
        found = answers(value, count=count)
    except InvalidEnvelope:
        return
    if len(found) == 1 and isinstance(found[0], Failure):
        return  # the batch was refused as a whole
    assert [a.id for a in found] == list(range(1, count + 1))
    assert all(isinstance(a, (Success, Failure)) for a in found)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One path for all examples: a fixture for each would be made once only."""
    return tmp_path_factory.mktemp("fuzz") / "kept"


ABOUT = {"site": "x", "query": "*"}
FIRST = json.dumps({"v": 1, **ABOUT})
lines = st.text(max_size=40) | json_values.map(json.dumps) | st.just("[" * 100_000) | st.just("[0, 0, 99.5, null, false]")


@BOUNDED
@given(st.lists(lines, max_size=4), st.sampled_from([FIRST, "", "{}", "[" * 100_000]), st.binary(max_size=3))
def test_a_checkpoint_is_read_or_refused(file: Path, rest: list[str], first: str, end: bytes) -> None:
    path = file
    path.write_bytes("\n".join([first, *rest, ""]).encode("utf-8", "surrogatepass") + end)
    try:
        kept = Checkpoint(path, ABOUT).load()
    except InvalidArgument as e:
        assert "checkpoint: " in str(e)
        return
    assert isinstance(kept, Kept)


@settings(BOUNDED, max_examples=60)
@given(st.data())
def test_a_report_goes_on_from_a_damaged_checkpoint_or_refuses_it(file: Path, data: st.DataObject) -> None:
    path = file
    path.unlink(missing_ok=True)
    sandbox = DatadogSandbox.demo(clock=VirtualClock(END))

    def stop(progress: Any) -> None:
        if progress.done > 4:
            raise KeyboardInterrupt

    def run(**options: Any) -> Any:
        with DatadogSLO("k", "a", http=sandbox.transport()) as dd:
            return dd.reports.run(
                query="*", from_ts=START, to_ts=END, interval="daily", engine="client", checkpoint=path, concurrency=1, **options
            )

    with pytest.raises(KeyboardInterrupt):
        run(on_progress=stop)
    kept = path.read_text().split("\n")
    place = data.draw(st.integers(0, len(kept) - 1))
    kept[place] = data.draw(
        json_values.map(json.dumps)
        | st.tuples(json_values, json_values, json_values, json_values, json_values).map(json.dumps)
        | st.just(kept[place][:-3])
    )
    path.write_text("\n".join(kept))
    try:
        report = run()
    except SloError:
        return
    assert report.to_csv()
