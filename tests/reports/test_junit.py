from xml.etree import ElementTree

from reports.junit import to_junit, xml_text
from reports.results import Verdict
from tests.reports.samples import a_mixed_run, case, results


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.encode())


def test_each_row_is_a_test_case_in_the_suite_of_its_capability() -> None:
    root = parsed(to_junit(a_mixed_run()))
    assert {suite.get("name"): suite.get("tests") for suite in root} == {
        "documentation": "1",
        "interface_access_control": "5",
        "software_update": "3",
    }
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("9", "2", "1", "4")


def test_every_verdict_has_its_element() -> None:
    run = results(*(case(verdict, verdict, "IAC-1a", reason=f"why {verdict}") for verdict in Verdict))
    elements = {
        test.get("name"): [(child.tag, child.get("message")) for child in test]
        for test in parsed(to_junit(run)).iter("testcase")
    }
    assert elements.pop("PASS") == []
    assert elements.pop("FAIL") == [("failure", "why FAIL")]
    assert elements.pop("ERROR") == [("error", "why ERROR")]
    assert elements == {name: [("skipped", f"{name}: why {name}")] for name in elements}
    assert len(elements) == 4


def test_the_recommendation_stands_with_the_failure() -> None:
    failed = case("tls", Verdict.FAIL, "DP-1", reason="offers TLS 1.0").model_copy(
        update={"recommendation": "Switch it off."}
    )
    failure = parsed(to_junit(results(failed))).find(".//failure")
    assert failure is not None
    assert failure.text == "offers TLS 1.0\n\nSwitch it off."
    assert failure.get("type") == "FAIL (required)"


def test_a_case_without_rows_stands_for_itself() -> None:
    unrun = case("update", Verdict.NOT_RUN, "SU-1", reason="interrupted").model_copy(update={"rows": ()})
    skipped = parsed(to_junit(results(unrun))).find(".//testcase/skipped")
    assert skipped is not None
    assert skipped.get("message") == "NOT_RUN: interrupted"


def test_what_xml_cannot_hold_is_escaped_and_the_rest_is_kept() -> None:
    assert xml_text("\x00\x1b\ufffe\udc80\t\nä<&]]>\U0001f600") == "\\x00\\x1b\\ufffe\\udc80\t\nä<&]]>\U0001f600"


def test_hostile_text_comes_back_as_text() -> None:
    message = next(
        child.get("message", "") + (child.text or "")
        for child in parsed(to_junit(a_mixed_run())).iter("failure")
        if "took the image" in (child.text or "")
    )
    assert "<script>alert(1)</script> ]]> &amp;" in message
    assert "\x1b" not in message
