"""The ways to log in to a web administration: the page's own form, the declaration's recipe, a real browser."""

from typing import TYPE_CHECKING

from drivers.network.web.login.find import Submitted, submit_form
from drivers.network.web.login.recipe import submit_recipe
from lab_config.http_login import HttpLogin

if TYPE_CHECKING:
    from drivers.network.web.transport.client import WebSession


def submit(session: "WebSession", http_login: HttpLogin, user: str, password: str) -> Submitted:
    """Send a login by the way that the declaration names; what it has to carry is then in the session."""
    if http_login.recipe is not None:
        return submit_recipe(session, http_login.recipe, user, password)
    if http_login.browser:
        from drivers.network.web.login.browser import submit_browser  # playwright is an extra

        return submit_browser(session, http_login, user, password)
    return submit_form(session, http_login, user, password)
