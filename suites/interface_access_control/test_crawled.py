"""Pages that the web administration links to: none opens device data beyond the declaration."""

from lab_config.bench import Permission
from trustprobe.judging.case import case
from trustprobe.probe import Observation


@case(
    "access.anonymous.http_crawled",
    covers=["IAC-1b", "IAC-1c", "EN303645 5.5-5", "EN18031 ACM-2", "EN18031 AUM-1-1"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Check the session before every path, or declare under `http_crawl.public` what is public by design.",
)
def test_no_page_opens_without_a_login(crawled_anonymously: Observation) -> None:
    """Request pages of every web server without a login, by GET: linked, found by the administrator, and well known.

    The servers are the declared ones and those that the sweep found on any port. Pages are crawled from `/`. About a
    hundred well-known paths are requested: backups, exported settings, snapshots, status pages, terminals. If the
    administrator can log in, the pages after the login are crawled too, and their undeclared paths are requested
    without a login. The case fails if a response shows device data: a value that a login guards elsewhere, a secret,
    filled-in fields, a listing of files, a configuration, a picture, a command line. Style sheets, scripts, the login
    page and pages without values are not device data. Paths that are named like an action (reboot, delete) are not
    requested. Witness: each server answered to the end, and the administrator is logged in at the end.
    """
    open_ones = [f"{about} ({crawled_anonymously.detail(about)[:120]})" for about in sorted(crawled_anonymously.seen)]
    assert not open_ones, f"open without a login: {', '.join(open_ones)}"


@case(
    "access.privilege.crawled",
    covers=["IAC-1c", "EN18031 ACM-2"],
    fails_on="presence",
    needs=(Permission.CONFIGURE,),
    advice="Check the role before every path, or declare in `http_resources` that a viewer may read it.",
)
def test_no_linked_page_shows_a_viewer_the_administrators_content(crawled_as_viewer: Observation) -> None:
    """Request, in a viewer's session, the crawled paths that a login guards and the declaration does not name.

    The case fails if the administrator's content opens on a path that no page of the viewer offers. Witness: the
    administrator got an answer on each path, and both sessions are valid at the end.
    """
    open_ones = [f"{about} ({crawled_as_viewer.detail(about)[:120]})" for about in sorted(crawled_as_viewer.seen)]
    assert not open_ones, f"open to a viewer: {', '.join(open_ones)}"
