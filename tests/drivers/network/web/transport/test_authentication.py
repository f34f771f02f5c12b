import re
import secrets

import pytest

from drivers.network.web.transport.authentication import (
    Challenge,
    NonceCount,
    authorization,
    challenges,
    no_method,
    strongest,
)
from trustprobe.probe import Answer

RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616_are_answered_as_it_says(
    algorithm: str, response: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr("drivers.network.web.transport.authentication.secrets.token_hex", lambda _: client)
    (challenge,) = challenges(RFC_7616.format(algorithm))
    answer = authorization(challenge, "Mufasa", "Circle of Life", "GET", "/dir/index.html", count=1)
    assert f'response="{response}"' in answer
    assert "nc=00000001" in answer and "qop=auth" in answer and f"algorithm={algorithm}" in answer


def test_the_example_of_rfc_7617_is_answered_as_it_says() -> None:
    answer = authorization(Challenge("Basic", {}), "Aladdin", "open sesame", "GET", "/")
    assert answer == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_challenges_that_are_joined_by_commas_are_told_apart() -> None:
    found = challenges('Negotiate abc==, Basic realm="a, \\"b\\"", Digest realm=x, nonce="n",qop="auth" , Bearer')
    assert [one.scheme for one in found] == ["Negotiate", "Basic", "Digest", "Bearer"]
    assert found[1].parameters == {"realm": 'a, "b"'}
    assert found[2].parameters == {"realm": "x", "nonce": "n", "qop": "auth"}


def test_the_strongest_digest_goes_before_basic() -> None:
    found = challenges('Basic realm="x", ' + RFC_7616.format("MD5") + ", " + RFC_7616.format("SHA-256"))
    best = strongest(found)
    assert best is not None and best.label == "Digest SHA-256"
    assert strongest(challenges("Bearer, Negotiate")) is None
    assert strongest(challenges('Digest realm="x", nonce="n", algorithm=SHA-1024')) is None
    assert strongest(challenges('Digest realm="x", nonce="n", qop="token"')) is None


def test_integrity_is_protected_where_nothing_less_is_offered() -> None:
    (challenge,) = challenges('Digest realm="x", nonce="n", qop="auth-int"')
    bare = authorization(challenge, "u", "p", "GET", "/")
    assert "qop=auth-int" in bare


def test_a_server_without_qop_is_answered_as_rfc_2069_had_it() -> None:
    (challenge,) = challenges('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"')
    answer = authorization(challenge, "Mufasa", "CircleOfLife", "GET", "/dir/index.html")
    assert "nc=" not in answer and "cnonce" not in answer
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in answer


def test_the_user_is_hashed_where_the_server_asks_for_it_and_encoded_where_it_must() -> None:
    (hashed,) = challenges('Digest realm="x", nonce="n", algorithm=SHA-256, userhash=true')
    answer = authorization(hashed, "Jäsøn", "p", "GET", "/")
    assert re.search(r'username="[0-9a-f]{64}", userhash=true', answer)
    (plain,) = challenges('Digest realm="x", nonce="n"')
    assert "username*=UTF-8''J%C3%A4s%C3%B8n" in authorization(plain, "Jäsøn", "p", "GET", "/")


def test_each_answer_to_one_nonce_has_a_number_of_its_own() -> None:
    (challenge,) = challenges(f'Digest realm="x", nonce="{secrets.token_hex(8)}", qop="auth"')
    (other,) = challenges(f'Digest realm="x", nonce="{secrets.token_hex(8)}", qop="auth"')
    answers = [authorization(one, "u", "p", "GET", "/") for one in (challenge, challenge, other, challenge)]
    assert [re.findall("nc=([0-9a-f]{8})", answer)[0] for answer in answers] == [
        "00000001",
        "00000002",
        "00000001",
        "00000003",
    ]


def test_nonces_without_end_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.network.web.transport.authentication._REMEMBERED", 2)
    counts = NonceCount()
    assert [counts.next(nonce) for nonce in "abacba"] == [1, 1, 2, 1, 1, 1]


def test_a_session_key_follows_from_both_nonces() -> None:
    (challenge,) = challenges('Digest realm="x", nonce="n", algorithm=MD5-sess, qop="auth"')
    one, other = (authorization(challenge, "u", "p", "GET", "/") for _ in range(2))
    assert one != other and "algorithm=MD5-sess" in one


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",,,",
        '"' * 20_000,
        "Digest " + "a=b," * 20_000,
        "\x00\x1b[31m",
        "=" * 9_000,
        "a" * 16_000 + '"',
        "a " * 8_000,
    ],
)
def test_nonsense_is_read_in_bounded_time(text: str) -> None:
    assert strongest(challenges(text)) is None


@pytest.mark.parametrize(
    "header",
    [
        'Digest realm="IP Camera(77)" nonce="a1b2" stale="FALSE"',
        "Digest realm=IP Camera(77), nonce=a1b2, stale=FALSE",
        "Digest realm=IP Camera(77) nonce=a1b2",
        'Digest realm="IP Camera(77)"; nonce="a1b2"',
        'digest  REALM = "IP Camera(77)" ,, Nonce = "a1b2",',
        'Digest: realm="IP Camera(77)", nonce="a1b2"',
        'Digest\trealm="IP Camera(77)",\r\n\tnonce="a1b2"',
        'Digest realm="IP Camera(77)", nonce="a1b2',
        'Digest realm="IP Camera(77)", opaque=, nonce="a1b2"',
        'Digest realm="IP Camera(77)", nonce="a1b2", realm="other"',
    ],
)
def test_a_digest_without_commas_or_quotes_is_parsed_like_any_other(header: str) -> None:
    best = strongest(challenges(header))
    assert best is not None and best.digest and not best.stale
    assert (best.parameters["realm"], best.parameters["nonce"]) == ("IP Camera(77)", "a1b2")


@pytest.mark.parametrize(
    ("header", "schemes"),
    [
        ('Digest realm="a" nonce="n" Basic realm="b"', ["Digest", "Basic"]),
        ("Digest realm=a nonce=n== Basic realm=b c", ["Digest", "Basic"]),
        ('Basic realm="b" Digest realm="a" nonce="n"', ["Basic", "Digest"]),
        ("NTLM, Negotiate, Basic realm=x", ["NTLM", "Negotiate", "Basic"]),
        ("Negotiate TlRMTVNTUAACAAAADAAMADgAAAAFgomi, Basic", ["Negotiate", "Basic"]),
    ],
)
def test_challenges_without_a_comma_between_them_are_separate(header: str, schemes: list[str]) -> None:
    found = challenges(header)
    assert [one.scheme for one in found] == schemes
    assert all(one.parameters.get("realm") != "a nonce=n" for one in found)


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        ('qop="auth,auth-int"', "auth"),
        ('qop="auth auth-int"', "auth"),
        ("qop=auth,auth-int", "auth"),
        ("qop=auth-int,auth", "auth"),
        ('qop="AUTH"', "auth"),
        ('qop=""', None),
        ("qop=", None),
        ('qop="auth-conf"', ""),
    ],
)
def test_lists_of_qualities_are_parsed_with_and_without_quotes(offered: str, answered: str | None) -> None:
    (challenge,) = challenges(f'Digest realm="x", nonce="n", {offered}, algorithm=MD5')
    assert challenge.qop == answered
    assert challenge.answerable is (answered != "")


@pytest.mark.parametrize("name", ["SHA256", "sha-256", '"SHA-256"', "SHA-256-sess", "Sha256-SESS"])
def test_an_algorithm_is_recognised_in_each_spelling(name: str) -> None:
    (challenge,) = challenges(f'Digest realm="x" nonce="n" algorithm={name} qop="auth"')
    assert challenge.hash_name == "sha256"


@pytest.mark.parametrize(
    "header",
    [
        'Digest realm="x", nonce="n", algorithm=SHA3-256',
        'Digest realm="x"',
        "NTLM",
        "Negotiate, Bearer",
        "???",
        'SCRAM-SHA-256 realm="x"',
    ],
)
def test_a_password_that_this_code_cannot_send_is_no_absence_of_a_password(header: str) -> None:
    assert strongest(challenges(header)) is None
    answer, words = no_method(header)
    assert answer is Answer.SILENT and "not parsed" in words


@pytest.mark.parametrize("header", ["", "  ", 'Bearer realm="api"', "Bearer, DPoP algs=ES256"])
def test_a_token_is_no_password(header: str) -> None:
    assert no_method(header)[0] is Answer.REFUSED
