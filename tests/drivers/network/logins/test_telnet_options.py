from drivers.network.logins.telnet_options import (
    DO,
    DONT,
    ECHO,
    IAC,
    SB,
    SE,
    SUPPRESS_GO_AHEAD,
    TERMINAL_TYPE,
    WILL,
    WINDOW_SIZE,
    WONT,
    TelnetOptions,
    escaped,
)


def test_echo_and_go_ahead_are_agreed_to_and_the_rest_is_refused() -> None:
    options = TelnetOptions()
    assert options.feed(bytes([IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, WILL, 38, IAC, DO, 32])) == b""
    assert options.replies == bytes([IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD, IAC, DONT, 38, IAC, WONT, 32])
    assert options.seen and options.echoes


def test_the_terminal_and_its_size_are_told() -> None:
    options = TelnetOptions()
    options.feed(bytes([IAC, DO, TERMINAL_TYPE, IAC, DO, WINDOW_SIZE, IAC, SB, TERMINAL_TYPE, 1, IAC, SE]))
    assert bytes([IAC, SB, WINDOW_SIZE, 0, 80, 0, 24, IAC, SE]) in options.replies
    assert bytes([IAC, SB, TERMINAL_TYPE, 0]) + b"VT100" + bytes([IAC, SE]) in options.replies


def test_commands_that_arrive_in_pieces_are_put_together() -> None:
    options = TelnetOptions()
    sent = b"lo" + bytes([IAC, WILL, ECHO]) + b"gin" + bytes([IAC, IAC]) + b": " + bytes([IAC, SB, 39, 1, IAC, SE])
    assert b"".join(options.feed(bytes([octet])) for octet in sent) == b"login\xff: "
    assert options.replies == bytes([IAC, DO, ECHO])


def test_a_demand_that_is_made_again_and_again_is_answered_once() -> None:
    options = TelnetOptions()
    options.feed(bytes([IAC, DO, 5, IAC, WILL, ECHO]) * 10_000)
    assert len(options.replies) == 6
    options.feed(bytes([IAC, SB, TERMINAL_TYPE, 1, IAC, SE]) * 10_000)
    assert len(options.replies) < 100


def test_a_subnegotiation_without_an_end_is_thrown_away() -> None:
    options = TelnetOptions()
    for _ in range(100):
        assert options.feed(bytes([IAC, SB]) + b"x" * 1_000) == b""
    assert len(options._pending) < 2_000


def test_an_octet_255_of_a_password_is_doubled() -> None:
    assert escaped("a") == b"a"
    assert escaped("\xff") == "\xff".encode()


def test_an_option_that_goes_off_and_on_again_is_acknowledged_each_time() -> None:
    options = TelnetOptions()
    for verb, answered in ((WILL, DO), (WILL, None), (WONT, DONT), (WONT, None), (WILL, DO)):
        options.replies.clear()
        options.feed(bytes([IAC, verb, ECHO]))
        assert options.replies == (b"" if answered is None else bytes([IAC, answered, ECHO]))
    options.replies.clear()
    options.feed(bytes([IAC, DO, WINDOW_SIZE, IAC, DONT, WINDOW_SIZE, IAC, DONT, WINDOW_SIZE]))
    assert options.replies[:3] == bytes([IAC, WILL, WINDOW_SIZE])
    assert options.replies[-3:] == bytes([IAC, WONT, WINDOW_SIZE])


def test_an_option_that_was_never_on_needs_no_answer_when_it_goes_off() -> None:
    options = TelnetOptions()
    options.feed(bytes([IAC, WONT, ECHO, IAC, DONT, TERMINAL_TYPE, IAC, WONT, 38]))
    assert options.replies == b""


def test_two_ends_that_agree_and_disagree_without_end_stop() -> None:
    options = TelnetOptions()
    for _ in range(1_000):
        options.feed(bytes([IAC, WILL, ECHO, IAC, WONT, ECHO]))
    assert len(options.replies) < 300


def test_an_octet_255_within_a_subnegotiation_does_not_end_it() -> None:
    options = TelnetOptions()
    sent = bytes([IAC, SB, 39, IAC, IAC, SE, 1, IAC, SE]) + b"login: "
    assert options.feed(sent) == b"login: "
    options = TelnetOptions()
    assert b"".join(options.feed(bytes([octet])) for octet in sent) == b"login: "


def test_a_command_ends_a_subnegotiation_that_has_no_end() -> None:
    options = TelnetOptions()
    assert options.feed(bytes([IAC, SB, 39, 1, IAC, WILL, ECHO]) + b"login: ") == b"login: "
    assert options.replies == bytes([IAC, DO, ECHO])


def test_lone_commands_are_no_text() -> None:
    options = TelnetOptions()
    assert options.feed(b"lo" + bytes([IAC, 241, IAC, 249]) + b"gin" + bytes([IAC, 246]) + b": ") == b"login: "
