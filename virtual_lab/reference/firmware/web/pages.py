"""The pages of the web administration, as HTML. What a person typed is escaped before it is shown."""

from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>{head}</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
_FORM = """{notice}<form method="post" action="/login">
<p><label>User name <input name="username" autocomplete="username"></label></p>
<p><label>Password <input name="password" type="password" autocomplete="current-password"></label></p>
<p><button type="submit">Log in</button></p>
</form>"""


def login(*, refused: bool = False) -> bytes:
    """The login form; after a refused login it says so, and not why."""
    notice = '<p role="alert">Login incorrect</p>\n' if refused else ""
    return _page("Halcyon Vista 2", _FORM.format(notice=notice))


def home(user: str, role: str, device_name: str, newer: str | None) -> bytes:
    """What a person sees who has logged in; `newer` is a firmware version that can be installed."""
    body = f"<p>Signed in as {escape(user)} ({escape(role)})</p>\n<p>Device: {escape(device_name)}</p>\n"
    if newer is not None:
        body += f'<p role="status">Update available: {escape(newer)}</p>\n'
    body += '<p>State: <span id="status"></span></p>\n'
    logout = '<form method="post" action="/logout"><button>Log out</button></form>'
    return _page("Halcyon Vista 2", body + logout, script='<script src="/static/app.js"></script>')


def _page(title: str, body: str, script: str = "") -> bytes:
    head = f'<link rel="stylesheet" href="/static/style.css">{script}'
    return _PAGE.format(title=title, head=head, body=body).encode()
