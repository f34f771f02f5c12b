"""JUnit XML for CI: one test suite per capability, one test case per row of a case.

FAIL is a failure and ERROR is an error. Every other verdict except PASS is skipped, with the verdict as message. If
your CI treats a skipped case as a good one, let it check the exit code and not this file.
"""

import re
from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from reports.results import CaseResult, Results, Row, Verdict

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot contain, not even as a character reference (clause 2.2)."""


def xml_text(text: str) -> str:
    """Escape characters that XML 1.0 cannot contain as `\\xNN` or `\\uNNNN`."""
    return ILLEGAL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def to_junit(results: Results) -> str:
    """Return the whole `junit.xml`."""
    ordered = sorted(results.cases, key=lambda case: case.capability)
    suites = [_suite(name, list(cases), results) for name, cases in groupby(ordered, lambda case: case.capability)]
    root = ElementTree.Element("testsuites", name=xml_text(f"trustprobe {results.product.name}"))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.set("time", f"{sum(case.seconds for case in results.cases):.3f}")
    root.extend(suites)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(capability: str, cases: Sequence[CaseResult], results: Results) -> ElementTree.Element:
    rows = [(case, row) for case in cases for row in _rows(case)]
    verdicts = [row.verdict for _, row in rows]
    failures, errors = verdicts.count(Verdict.FAIL), verdicts.count(Verdict.ERROR)
    suite = ElementTree.Element(
        "testsuite",
        name=xml_text(capability),
        tests=str(len(rows)),
        failures=str(failures),
        errors=str(errors),
        skipped=str(len(rows) - failures - errors - verdicts.count(Verdict.PASS)),
        time=f"{sum(case.seconds for case in cases):.3f}",
        timestamp=results.started.isoformat(timespec="seconds"),
    )
    properties = ElementTree.SubElement(suite, "properties")
    about = {"overall": results.overall, "profile": results.profile.id, "outside": results.profile.outside}
    for name, value in about.items():
        ElementTree.SubElement(properties, "property", name=name, value=xml_text(value))
    for case, row in rows:
        suite.append(_testcase(case, row))
    return suite


def _rows(case: CaseResult) -> tuple[Row, ...]:
    """Return the rows of a case. A case that never reached a row counts as its own row."""
    return case.rows or (Row(id=case.id, verdict=case.verdict, reason=case.reason, seconds=case.seconds),)


def _testcase(case: CaseResult, row: Row) -> ElementTree.Element:
    element = ElementTree.Element("testcase", classname=case.id, name=xml_text(row.id), time=f"{row.seconds:.3f}")
    if row.verdict is Verdict.PASS:
        return element
    first_line = xml_text(row.reason.split("\n", 1)[0])
    if row.verdict in (Verdict.FAIL, Verdict.ERROR):
        tag = "failure" if row.verdict is Verdict.FAIL else "error"
        child = ElementTree.SubElement(element, tag, message=first_line, type=f"{row.verdict} ({case.strength})")
        child.text = xml_text("\n\n".join(filter(None, (row.reason, case.recommendation))))
    else:
        ElementTree.SubElement(element, "skipped", message=f"{row.verdict}: {first_line}")
    return element
