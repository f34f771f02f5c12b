"""Malformed input: no message that breaks the rules of a protocol stops a service or restarts the device."""

from drivers.network.malformed.sending.round import MalformedInput
from lab_config.bench import Permission
from trustprobe.judging.case import case


@case(
    "input.malformed",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Send the kept message again with `trustprobe send`, and check lengths and types before they are used.",
)
def test_no_malformed_message_stops_a_service(malformed_input: MalformedInput) -> None:
    """Send a service a bounded set of malformed messages that follow from a seed, each before a healthy request.

    A service that ends or hangs, and a device that starts again, is a failure; the message is sent once more alone, and
    kept. Witness: a healthy request was answered before, and behind each message, and the bench is alive in a silence.
    """
    broken = sorted(malformed_input.seen)
    assert not broken, f"{broken[0]}: {malformed_input.detail(broken[0])}"


@case(
    "input.malformed.packets",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Send the kept frames again with `tcpreplay`, and update or configure the network stack.",
)
def test_no_malformed_packet_stops_the_device(malformed_frames: MalformedInput) -> None:
    """Send malformed frames of one layer to the device on its own link, a healthy request behind every few.

    A service that ends or hangs, and a device that starts again, is a failure; the frames are sent again one by one.
    Witness: a healthy request was answered before and behind them, and a good segment in a frame of our own as well.
    """
    broken = sorted(malformed_frames.seen)
    assert not broken, f"{broken[0]}: {malformed_frames.detail(broken[0])}"


@case(
    "input.malformed.administration",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Check type, length and depth of each field before it is used, also of those who are logged in.",
)
def test_no_malformed_body_of_an_administrator_stops_the_device(malformed_bodies: MalformedInput) -> None:
    """Send a resource malformed JSON in the administrator's session, a healthy request behind every few bodies.

    A service that ends or hangs, and a device that starts again, is a failure; the bodies are sent again one by one.
    Witness: a healthy request was answered before and behind them, and a setting that was written is restored.
    """
    broken = sorted(malformed_bodies.seen)
    assert not broken, f"{broken[0]}: {malformed_bodies.detail(broken[0])}"


@case(
    "input.malformed.answers",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Check what servers answer as what clients ask: names can be spoofed, and clouds be taken over.",
)
def test_no_malformed_answer_stops_the_device(malformed_answers: MalformedInput) -> None:
    """Answer what the device asks a server with malformed messages, in place of that server.

    A device that starts again, and one that asks no more, is a failure; the answers are given again one by one.
    Witness: the device asked before, got a good answer, and asks again behind the malformed ones.
    """
    broken = sorted(malformed_answers.seen)
    assert not broken, f"{broken[0]}: {malformed_answers.detail(broken[0])}"


@case(
    "input.malformed.console",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Bound what the login of the console reads, and pass over what is no text.",
)
def test_no_line_at_the_console_stops_the_device(malformed_lines: MalformedInput) -> None:
    """Type long lines, control characters and octets that are no text at the login of the serial console.

    A console that shows no login prompt any more, and a device that starts again, is a failure; the lines are typed
    again one by one. Witness: the login prompt came before and behind them, and a healthy request was answered.
    """
    broken = sorted(malformed_lines.seen)
    assert not broken, f"{broken[0]}: {malformed_lines.detail(broken[0])}"


@case(
    "input.malformed.session",
    covers=["IAC-2a", "EN303645 5.13-1A", "EN18031 GEC-6"],
    fails_on="presence",
    needs=(Permission.MALFORMED,),
    advice="Check lengths and types of what comes behind a login as strictly as before it.",
)
def test_no_malformed_message_of_a_session_stops_a_service(malformed_session: MalformedInput) -> None:
    """Log in to a service, and send malformed messages in that session, a healthy request behind every few.

    A service that ends or hangs, and a device that starts again, is a failure; ending that one session is none.
    Witness: the valid login got in, and a healthy request was answered before and behind the messages.
    """
    broken = sorted(malformed_session.seen)
    assert not broken, f"{broken[0]}: {malformed_session.detail(broken[0])}"
