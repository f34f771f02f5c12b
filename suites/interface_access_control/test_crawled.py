"""What the pages of the web administration lead to: nothing of the device's opens beyond the declaration."""

from lab_config.bench import Permission
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "access.anonymous.http_crawled",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Check the session in front of every path, or declare under `http_crawl.public` what is public by design.",
)
def test_no_page_that_others_lead_to_opens_without_a_login(crawled_anonymously: Observation) -> None:
    """Follow pages and scripts as the administrator, by GET; ask without a login for what is not declared.

    Something of the device's that shows is a failure: a value that a login guards elsewhere, a secret, filled-in
    fields, or data. Stylesheets, scripts, images, the login page and pages without values are none. What is named like
    an action (reboot, delete) is not asked for. Witness: the administrator was answered each path, and is logged in at
    the end.
    """
    open_ones = [f"{about} ({crawled_anonymously.detail(about)[:120]})" for about in sorted(crawled_anonymously.seen)]
    assert not open_ones, f"open without a login: {', '.join(open_ones)}"


@case(
    "access.privilege.crawled",
    covers=["IAC-1c", "EN18031 ACM-2"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Check the role in front of every path, or declare in `http_resources` that a viewer may read it.",
)
def test_no_page_that_others_lead_to_shows_a_viewer_what_is_the_administrators(crawled_as_viewer: Observation) -> None:
    """Ask with a viewer's session for what the crawl found, the declaration does not name, and a login guards.

    The administrator's content on a path that no page of the viewer's offers is a failure. Witness: the administrator
    was answered each path, and both sessions are valid at the end.
    """
    open_ones = [f"{about} ({crawled_as_viewer.detail(about)[:120]})" for about in sorted(crawled_as_viewer.seen)]
    assert not open_ones, f"open to a viewer: {', '.join(open_ones)}"
