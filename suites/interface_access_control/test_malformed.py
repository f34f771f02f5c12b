"""Malformed input: no message that breaks the rules of a protocol stops a service or restarts the device."""

from drivers.network.malformed.sending.round import MalformedInput
from lab_config.bench import Permission
from trustprobe.judging.case import case


@case(
    "input.malformed",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Send the stored message again with `trustprobe send`. Check lengths and types before you use them.",
)
def test_no_malformed_message_stops_a_service(malformed_input: MalformedInput) -> None:
    """Send a service a bounded set of malformed messages that follow from a seed, each before a healthy request.

    The case fails if a service ends or hangs, or if the device restarts. The message is then sent once more on its own,
    and stored. Witness: a healthy request was answered before the messages and after each one, and the bench is alive
    during a silence.
    """
    broken = [f"{about}: {malformed_input.detail(about)}" for about in sorted(malformed_input.seen)]
    assert not broken, " | ".join(broken)


@case(
    "input.malformed.packets",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Send the stored frames again with `tcpreplay`, and update or configure the network stack.",
)
def test_no_malformed_packet_stops_the_device(malformed_frames: MalformedInput) -> None:
    """Send malformed frames of one layer on the device's own link, with a healthy request after every few frames.

    The case fails if a service ends or hangs, or if the device restarts. The frames are then sent again one by one.
    Witness: a healthy request was answered before and after them. A valid segment in a frame made by the bench was
    answered as well.
    """
    broken = [f"{about}: {malformed_frames.detail(about)}" for about in sorted(malformed_frames.seen)]
    assert not broken, " | ".join(broken)


@case(
    "input.malformed.administration",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Check type, length and depth of each field before you use it, also from users who are logged in.",
)
def test_no_malformed_body_from_an_administrator_stops_the_device(malformed_bodies: MalformedInput) -> None:
    """Send malformed JSON to a resource as the administrator, with a healthy request after every few bodies.

    The case fails if a service ends or hangs, or if the device restarts. The bodies are then sent again one by one.
    Witness: a healthy request was answered before and after them, and a setting that was written is restored.
    """
    broken = [f"{about}: {malformed_bodies.detail(about)}" for about in sorted(malformed_bodies.seen)]
    assert not broken, " | ".join(broken)


@case(
    "input.malformed.answers",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Check the answers of servers like the requests of clients. Names can be spoofed, and clouds taken over.",
)
def test_no_malformed_answer_stops_the_device(malformed_answers: MalformedInput) -> None:
    """Answer the device's requests to a server with malformed messages, in place of that server.

    The case fails if the device restarts, or if it sends no more requests. The answers are then given again one by one.
    Witness: the device sent a request before and got a good answer, and it sends requests again after the malformed
    answers.
    """
    broken = [f"{about}: {malformed_answers.detail(about)}" for about in sorted(malformed_answers.seen)]
    assert not broken, " | ".join(broken)


@case(
    "input.malformed.console",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Limit the length of the input that the console login reads, and ignore octets that are not text.",
)
def test_no_line_typed_at_the_console_stops_the_device(malformed_lines: MalformedInput) -> None:
    """Type long lines, control characters and octets that are not text at the login of the serial console.

    The case fails if the console no longer shows a login prompt, or if the device restarts. The lines are then typed
    again one by one. Witness: the login prompt appeared before and after them, and a healthy request was answered.
    """
    broken = [f"{about}: {malformed_lines.detail(about)}" for about in sorted(malformed_lines.seen)]
    assert not broken, " | ".join(broken)


@case(
    "input.malformed.session",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Check lengths and types of messages after a login as strictly as before it.",
)
def test_no_malformed_message_in_a_session_stops_a_service(malformed_session: MalformedInput) -> None:
    """Log in to a service, and send malformed messages in that session, with healthy requests in between.

    The case fails if a service ends or hangs, or if the device restarts. The end of that one session is not a failure.
    Witness: the valid login got in, and a healthy request was answered before and after the messages.
    """
    broken = [f"{about}: {malformed_session.detail(about)}" for about in sorted(malformed_session.seen)]
    assert not broken, " | ".join(broken)
