import gzip
import http.client
import io
import zlib

import pytest

from drivers.network.web.transport.response import Response, fields_of, joined, read_response

LIMIT = 1 << 16
PAGE = b"<html><form method=post><input type=password name=p></form></html>"
RAW = zlib.compress(PAGE)[2:-4]


def read(data: bytes, method: str = "GET", limit: int = LIMIT) -> Response:
    return read_response(io.BufferedReader(io.BytesIO(data)), method, limit)


def with_page(*lines: bytes, body: bytes = PAGE) -> bytes:
    return b"\r\n".join((*lines, b"Content-Length: %d" % len(body), b"", body))


@pytest.mark.parametrize(
    "answer",
    [
        with_page(b"HTTP/1.1 200 OK", b"Cache Control no-store"),
        with_page(b"HTTP/1.1 200 OK", b"Cache Control no-store", b"", b"X-Not: a header")[:-1],
        with_page(b"HTTP/1.1 200"),
        with_page(b"HTTP/1.1 200 "),
        with_page(b"http/1.1 200 ok"),
        with_page(b"HTTP/1.1   200   OK"),
        with_page(b"\r\nHTTP/1.1 200 OK"),
        with_page(b"HTTP/1.1 100 Continue", b"", b"HTTP/1.1 200 OK"),
        with_page(b"HTTP/1.0 200 Document follows", b"Server : small"),
        with_page(b"ICY 200 OK"),
        with_page(b"HTTP/1.1 200 OK", b"X-Folded: one,", b"\ttwo", b"  three"),
        with_page(b"HTTP/1.1 200 OK", b": no name"),
        with_page(b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(PAGE)),
        with_page(b"HTTP/1.1 200 OK").replace(b"\r\n", b"\n"),
    ],
)
def test_answers_that_browsers_accept_are_parsed(answer: bytes) -> None:
    if b"X-Not" in answer:  # the blank line ends the head: what follows is the body, up to the end
        assert read(answer).body.startswith(b"X-Not")
        return
    found = read(answer)
    assert (found.status, found.body, found.complete) == (200, PAGE, True)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", gzip.compress(PAGE, mtime=0)),
        (b"x-gzip", gzip.compress(PAGE, mtime=0)),
        (b"GZIP", gzip.compress(PAGE, mtime=0)),
        (b"deflate", zlib.compress(PAGE)),
        (b"deflate", RAW),
        (b"deflate, gzip", gzip.compress(zlib.compress(PAGE), mtime=0)),
        (b"identity", PAGE),
        (b"gzip", PAGE),
        (b"utf-8", PAGE),
    ],
)
def test_compressed_pages_are_read_as_pages(coding: bytes, body: bytes) -> None:
    found = read(with_page(b"HTTP/1.1 200 OK", b"Content-Encoding: " + coding, body=body))
    assert (found.body, found.complete, found.keeps) == (PAGE, True, True)


def test_a_compressed_page_that_breaks_off_keeps_what_came() -> None:
    noise = b"".join(b"%d " % number for number in range(4_000))
    half = gzip.compress(noise)[:4_000]
    found = read(with_page(b"HTTP/1.1 200 OK", b"Content-Encoding: gzip", body=half))
    assert noise.startswith(found.body) and len(found.body) > 1_000 and not found.complete


def test_a_decompression_bomb_is_bounded() -> None:
    bomb = gzip.compress(bytes(50 << 20))
    found = read(with_page(b"HTTP/1.1 200 OK", b"Content-Encoding: gzip", body=bomb), limit=1 << 20)
    assert len(found.body) == 1 << 20 and not found.complete


@pytest.mark.parametrize(
    ("chunks", "body", "complete"),
    [
        (b"5\r\nhello\r\n6;name=x\r\n world\r\n0\r\n\r\n", b"hello world", True),
        (b"0005 \r\nhello\r\n0\r\nTrailer: x\r\n\r\n", b"hello", True),
        (b"5\nhello\n0\n\n", b"hello", True),
        (b"5\r\nhel", b"hel", False),
        (b"5\r\nhello\r\nzz\r\n", b"hello", False),
    ],
)
def test_chunks_are_joined(chunks: bytes, body: bytes, complete: bool) -> None:
    found = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + chunks)
    assert (found.body, found.complete) == (body, complete)


def test_chunks_may_be_compressed_as_a_whole() -> None:
    body = gzip.compress(PAGE)
    coded = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (9, body[:9], len(body) - 9, body[9:])
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert read(head + coded).body == PAGE


@pytest.mark.parametrize("page", [PAGE, b"\n<!DOCTYPE html>\n" + PAGE, b"<HTML>\r\n" + PAGE])
def test_a_page_without_a_head_is_read_to_its_end(page: bytes) -> None:
    found = read(page)
    assert (found.status, found.fields, found.keeps) == (200, (), False)
    assert found.body == page.lstrip(b"\n")


@pytest.mark.parametrize(
    "data", [b"", b"SSH-2.0-x\r\n", b"\r\n" * 9, b"RTSP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 OK\r\n\r\n"]
)
def test_anything_else_is_no_answer(data: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        read(data)


@pytest.mark.parametrize("head", [b"X: y\r\n" * 300, b"X: " + b"y" * 70_000 + b"\r\n", b"z" * 70_000])
def test_a_head_has_a_limit(head: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        read(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")


def test_interim_answers_have_a_limit() -> None:
    with pytest.raises(http.client.HTTPException):
        read(b"HTTP/1.1 100 Continue\r\n\r\n" * 50)


def test_repeated_headers_are_joined_and_the_same_value_counts_once() -> None:
    lines = [b"WWW-Authenticate: Basic realm=x", b"www-authenticate: Digest nonce=y", b"Location: /a", b"Location: /a"]
    headers = joined(fields_of([*lines, b"Location: /b", b"Server: s", b"Server: s"]))
    assert headers["www-authenticate"] == "Basic realm=x, Digest nonce=y"
    assert headers["location"] == "/a" and headers["server"] == "s"


def test_cookies_keep_their_commas() -> None:
    message = read(b"HTTP/1.1 204 x\r\nSet-Cookie: a=1; Expires=Mon, 01 Jan 2029\r\nSet-Cookie: b=2\r\n\r\n").message
    assert message.get_all("Set-Cookie") == ["a=1; Expires=Mon, 01 Jan 2029", "b=2"]


@pytest.mark.parametrize(
    ("answer", "keeps"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\n\r\n", False),
        (b"HTTP/1.1 304 x\r\n\r\n", True),
    ],
)
def test_a_connection_is_kept_only_where_the_end_is_marked(answer: bytes, keeps: bool) -> None:
    assert read(answer).keeps is keeps


def test_a_head_that_breaks_off_is_incomplete() -> None:
    found = read(b"HTTP/1.1 200 OK\r\nServer: x\r\n")
    assert (found.status, found.complete, found.keeps) == (200, False, False)


def test_an_answer_to_head_has_no_body() -> None:
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", method="HEAD").complete


@pytest.mark.parametrize(
    ("kind", "octets"),
    [(b"multipart/x-mixed-replace; boundary=f", 2_048), (b"Text/Event-Stream", 2_048), (b"image/jpeg", 20_000)],
)
def test_of_a_stream_without_an_end_only_the_beginning_is_read(kind: bytes, octets: int) -> None:
    found = read(b"HTTP/1.0 200 OK\r\nContent-Type: " + kind + b"\r\n\r\n" + b"x" * 20_000)
    assert len(found.body) == octets
