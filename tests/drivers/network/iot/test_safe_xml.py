"""XML of devices: what browsers tolerate is read, and what exceeds the limits is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.network.iot import safe_xml
from drivers.network.iot.safe_xml import UnsafeXmlError, read_xml


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no xml",
        b"<a>",
        b"<a></b>",
        b"<!DOCTYPE a><a/>",
        b"  <!DOCTYPE a><a/>",
        b"<a>" * 100 + b"</a>" * 100,
        b"<a>" + b"<b/>" * (safe_xml.ELEMENTS + 1) + b"</a>",
        b"<a>" + b" " * safe_xml.OCTETS + b"</a>",
    ],
    ids=["empty", "text", "open", "crossed", "doctype", "doctype after space", "deep", "wide", "long"],
)
def test_a_document_that_is_no_xml_or_goes_beyond_the_limits_is_refused(document: bytes) -> None:
    with pytest.raises(UnsafeXmlError):
        read_xml(document)


def test_elements_are_found_by_their_local_names() -> None:
    root = read_xml(b'<s:a xmlns:s="x"><b> one </b><c><b>two</b></c></s:a>')
    assert (root.name, root.value("b"), [one.text for one in root.each("b")]) == ("a", "one", [" one ", "two"])


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (b"<a><b>one</b></a>\0", "one"),
        (b"<a><b>one</b></a>\0\0\0<c>", "one"),
        (b"<a><b>one</b></a>0\r\n\r\n", "one"),
        (b"\r\n<?xml version='1.0'?><a><b>one</b></a>", "one"),
        (b"\xef\xbb\xbf \n<?xml version='1.0'?><a><b>one</b></a>", "one"),
        (b"200\r\n<?xml version='1.0'?><a><b>one</b></a>", "one"),
        (b"<a><b>A & B</b></a>", "A & B"),
        (b"<a><b>A &amp; B &nbsp; &#65;</b></a>", "A & B &nbsp; A"),
        (b"<a><b>http://x/?a=1&b=2</b></a>", "http://x/?a=1&b=2"),
        (b"<?xml version='1.0' encoding='utf-8'?><a><b>K\xfcche</b></a>", "K\u00fcche"),
        (b"<?xml version='1.0' encoding='iso-8859-1'?><a><b>K\xfcche</b></a>", "K\u00fcche"),
        ("<?xml version='1.0' encoding='gb2312'?><a><b>\u4e2d</b></a>".encode("gb2312"), "\u4e2d"),
        (b"<?xml version='1.0' encoding='x-none'?><a><b>one</b></a>", "one"),
        (b"<a><b>on\x01e\x0b</b></a>", "one"),
        (b"\xff\xfe" + "<a><b>\u4e2d</b></a>".encode("utf-16-le"), "\u4e2d"),
        ("\ufeff<a><b>one</b></a>".encode("utf-16-be") + b"\0\0", "one"),
    ],
)
def test_what_browsers_tolerate_is_read(document: bytes, text: str) -> None:
    assert read_xml(document).value("b") == text


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_the_readers_own_error(data: bytes) -> None:
    for document in (data, b"<a>" + data + b"</a>", b"<?xml version='1.0' encoding='" + data + b"'?><a/>"):
        try:
            read_xml(document)
        except UnsafeXmlError:
            continue
