"""Which form of a page is the login, and which of its fields are for the user name and the password.

Recognised as a person does: by the password field, by what the page says its fields are for, by names. A login that a
script sends is read from the script's text. Nothing is sent here, and no script runs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from drivers.network.web.transport.html import Form, Input, Page, host_of, path_within, read_page
from lab_config.http_login import HttpLogin

LOGIN = re.compile(
    r"log[-_ ]?(?:in|on)(?![a-z])|sign[-_ ]?in(?![a-z])|auth(?!or)|session|anmeld|acces[os]s?o", re.IGNORECASE
)
"""What paths and words of a login look like."""
SCRIPT_LIMIT = 1 << 20
"""Characters of scripts that are looked at."""
_USER = re.compile(
    r"user|login|e-?mail|account|uname|usr|benutzer|utente|usuario|^(?:id|uid|name|u|un)$", re.IGNORECASE
)
_PASSWORD = re.compile(r"pass|pwd|psw|^(?:p|pw|key|pin)$|kennwort|contrase", re.IGNORECASE)
_OTHER = re.compile(
    r"new|confirm|repeat|again|verify|retype|old|psk|wpa|wep|ssid|wifi|register|sign-?up|forgot", re.IGNORECASE
)
_NEAR = 700
"""Characters between a script's object and the path that it is sent to."""
_OBJECT = re.compile(r"\{([^{}]{3,400})\}")
_PAIR = re.compile(r"""^\s*["']?([A-Za-z_$][\w$-]*)["']?\s*(?::\s*(.{1,200}?)\s*)?$""", re.DOTALL)
_PATH = re.compile(r"""["'`](/?[A-Za-z0-9_][\w./-]{0,200}|/)["'`]""")
_CONSTANT = re.compile(r"""^(?:"([^"\\]*)"|'([^'\\]*)'|(true|false)|(\d{1,9}))$""")
_AS_FORM = re.compile(r"URLSearchParams|FormData|\$\.post\(|\$\.param\(|x-www-form-urlencoded")
_POSTED = re.compile(r"""open\(\s*["']POST["']\s*,\s*["'`]([^"'`\s]{1,200})["'`]""")
_CONCATENATED = re.compile(r"""["'`?&](\w{1,40})=(?:["'`]\s*\+|\$\{)""")
_COMPUTES = re.compile(r"\b(md5|sha-?1|sha-?256|sha-?512|crypto\.subtle|CryptoJS|JSEncrypt|pbkdf2)\b", re.IGNORECASE)


@dataclass(frozen=True)
class LoginForm:
    """A login as it can be sent: where to, in which style, under which names."""

    page: str
    """The path of the page that it stands on."""
    path: str
    method: str
    password_field: str
    user_field: str | None = None
    """None where only a password is asked for."""
    json: bool = False
    """Sent as a JSON object instead of as a form."""
    fixed: Mapping[str, object] = field(default_factory=dict)
    """What is sent with it: hidden and filled fields, the button."""
    headers: Mapping[str, str] = field(default_factory=dict)
    by_script: bool = False
    """Whether a script of the page may send it otherwise."""
    elsewhere: str = ""
    """A host that the page names as the form's, and that is not asked."""
    computes: str = ""
    """What a script of the page computes: a digest, maybe of the password."""

    def filled(self, user: str, password: str) -> dict[str, object]:
        """Return what is sent for a login."""
        named = {} if self.user_field is None else {self.user_field: user}
        return {**self.fixed, **named, self.password_field: password}


def recognise(body: bytes, path: str, http_login: HttpLogin) -> LoginForm | None:
    """Return the login form of a page, None where it has none; declared names of fields win."""
    page = read_page(body)
    scored = [(_score(form, http_login), form) for form in page.forms]
    best = max(scored, key=lambda pair: pair[0], default=(0, Form()))
    if best[0] <= 0:
        return None
    return _as_login(best[1], page, path, http_login)


def recognise_scripted(page: Page, path: str, scripts: Iterable[str], http_login: HttpLogin) -> LoginForm | None:
    """Return the login that a script of a page sends: an object with a password, and a path next to it."""
    code = "\n".join((*page.code, *scripts))[:SCRIPT_LIMIT]
    found = [*_in_texts(code, path, http_login)]
    found += [
        login for match in _OBJECT.finditer(code) if (login := _sent_by(match, code, path, http_login)) is not None
    ]
    if not found:
        return None
    best = max(found, key=lambda login: bool(LOGIN.search(login.path)))
    token = page.meta.get("csrf-token")
    headers = {"X-Requested-With": "XMLHttpRequest"} | (
        {"X-CSRF-Token": token} if token and token.isprintable() else {}
    )
    return replace(best, headers=headers, computes=computes(code))


def has_password(page: Page) -> bool:
    """Whether a page has a password field, inside or outside a form."""
    return any(one.kind == "password" for form in (*page.forms, page.loose) for one in form.fields)


def computes(code: str) -> str:
    """Name what a script computes that a password may go through."""
    match = _COMPUTES.search(code[:SCRIPT_LIMIT])
    return match[1] if match else ""


def _as_login(form: Form, page: Page, path: str, http_login: HttpLogin) -> LoginForm:
    password = _password_of(form, http_login)
    user = _user_of(form, password, http_login)
    code = "\n".join(page.code)
    scripted = bool(code or page.scripts)
    # a form without a method goes out by GET, unless a script of the page takes care of it
    method = form.method if form.says_method or not (scripted and form.by_script) else "POST"
    method = "POST" if http_login.password_field and not form.says_method else method
    action = path_within(path, form.action) if form.action.strip(" #") else path
    password_field = http_login.password_field or (password.name if password else "")
    user_field = http_login.user_field or (user.name if user else None)
    fixed: dict[str, object] = {name: value for name, value in form.untouched.items() if name != password_field}
    return LoginForm(
        page=path,
        path=action or path,
        method="GET" if method == "GET" else "POST",
        password_field=password_field or "password",
        user_field=user_field,
        fixed=fixed,
        by_script=form.by_script and scripted,
        elsewhere=host_of(form.action),
        computes=computes(code),
    )


def _score(form: Form, http_login: HttpLogin) -> int:
    """Say how much a form looks like a login; nothing above zero is one."""
    if http_login.password_field is not None:
        return 100 if http_login.password_field in form.inputs else 0
    passwords = [one for one in form.fields if one.kind == "password"]
    if not passwords or not any(one.name for one in passwords):
        return 0
    score = 3 if len(passwords) == 1 else -2
    words = f"{form.action} {form.id}"
    score += 4 * any("current-password" in one.autocomplete for one in passwords)
    score -= 4 * any("new-password" in one.autocomplete for one in passwords)
    score += 2 * any(_names(_USER, one) for one in form.fields if one.kind != "password")
    score += 2 * bool(LOGIN.search(words))
    score -= 4 * bool(_OTHER.search(words))
    score -= 4 * any(_names(_OTHER, one) for one in form.fields)
    return score - 2 * (sum(one.typed for one in form.fields) > 4)


def _password_of(form: Form, http_login: HttpLogin) -> Input | None:
    if http_login.password_field is not None:
        return next((one for one in form.fields if one.name == http_login.password_field), None)
    passwords = [one for one in form.fields if one.kind == "password" and one.name]
    return next(
        (one for one in passwords if "current-password" in one.autocomplete), passwords[0] if passwords else None
    )


def _user_of(form: Form, password: Input | None, http_login: HttpLogin) -> Input | None:
    """Return the field for the user name: what says so, what is called so, else what stands before the password."""
    fields = [one for one in form.fields if one.name]
    if http_login.user_field is not None:
        return next((one for one in fields if one.name == http_login.user_field), None)
    open_ones = [one for one in fields if one is not password and (one.typed or one.kind == "select")]
    open_ones = [one for one in open_ones if one.kind != "password"]
    for one in open_ones:
        if one.autocomplete in {"username", "email"}:
            return one
    if named := [one for one in open_ones if _names(_USER, one)]:
        return named[0]
    before = fields[: fields.index(password)] if password in fields else fields
    plain = [one for one in before if one in open_ones and one.kind != "select"]
    return plain[-1] if plain else None


def _names(pattern: re.Pattern[str], one: Input) -> bool:
    return bool(pattern.search(one.name) or pattern.search(one.id))


def _in_texts(code: str, page: str, http_login: HttpLogin) -> Iterator[LoginForm]:
    """Read what scripts put together as a form's text and post: `"user=" + name + "&password=" + word`."""
    for opened in _POSTED.finditer(code):
        near = code[max(0, opened.start() - 2 * _NEAR) : opened.end() + 3 * _NEAR]
        names = [(name, name) for name in _CONCATENATED.findall(near)]
        password, path = http_login.password_field or _pick(names, _PASSWORD), path_within(page, opened[1])
        if path is not None and password in dict(names):
            user = http_login.user_field or _pick([pair for pair in names if pair[0] != password], _USER)
            yield LoginForm(page, path, "POST", password or "", user)


def _sent_by(match: re.Match[str], code: str, page: str, http_login: HttpLogin) -> LoginForm | None:
    """Read an object of a script as the fields of a login, if it is one."""
    pairs = [found for part in match[1].split(",") if (found := _PAIR.match(part))]
    names = [(pair[1], pair[2] or pair[1]) for pair in pairs]
    password = http_login.password_field or _pick(names, _PASSWORD)
    if password is None or password not in {name for name, _ in names}:
        return None
    fixed = {name: _constant(value) for name, value in names if _CONSTANT.match(value)}
    open_ones = [(name, value) for name, value in names if name != password and name not in fixed]
    user = http_login.user_field or _pick(open_ones, _USER)
    before, after = code[max(0, match.start() - _NEAR) : match.start()], code[match.end() : match.end() + _NEAR // 2]
    if (path := _sent_to(before, after, page)) is None:
        return None
    near = before[-200:] + after
    as_form = _AS_FORM.search(near) or ("$.ajax" in near and "JSON.stringify" not in near)
    fixed.pop(password, None)
    return LoginForm(page, path, "POST", password, user, json=not as_form, fixed=fixed)


def _sent_to(before: str, after: str, page: str) -> str | None:
    """Return the path nearest to an object of a script; one that says login goes before others."""
    paths = [*reversed(_PATH.findall(before)), *_PATH.findall(after)]
    likely = [path for path in paths if "/" in path or LOGIN.search(path)]
    for wanted in ([path for path in likely if LOGIN.search(path)], [path for path in likely if path.startswith("/")]):
        if wanted:
            return path_within(page, wanted[0])
    return None


def _pick(names: Iterable[tuple[str, str]], pattern: re.Pattern[str]) -> str | None:
    return next((name for name, value in names if pattern.search(name) and not _OTHER.search(name)), None)


def _constant(value: str) -> object:
    match = _CONSTANT.match(value)
    assert match is not None
    if match[3]:
        return match[3] == "true"
    return int(match[4]) if match[4] else match[1] or match[2] or ""
