from tests.virtual_lab.jtag.jtag_host import JtagHost
from virtual_lab.jtag.tap import ScanChain, State, Tap, remote_bitbang

FIRST, SECOND = 0x4BA00477, 0x06413041


def chain_of(*taps: Tap) -> ScanChain:
    chain = ScanChain(taps)
    chain.powered = True
    return chain


def host_of(chain: ScanChain) -> JtagHost:
    return JtagHost(lambda commands: remote_bitbang(chain, commands)[0])


def test_after_reset_the_data_register_is_the_idcode() -> None:
    assert host_of(chain_of(Tap(FIRST, 4, 0b1110))).scan_dr(0, 32) == FIRST


def test_a_scan_longer_than_the_register_shows_what_was_shifted_in() -> None:
    assert host_of(chain_of(Tap(FIRST, 4, 0b1110))).scan_dr(0xA5, 40) == 0xA5 << 32 | FIRST


def test_the_instruction_register_captures_one() -> None:
    assert host_of(chain_of(Tap(FIRST, 4, 0b1110))).scan_ir(0b1111) == 1


def test_bypass_is_one_bit_that_captures_zero() -> None:
    host = host_of(chain_of(Tap(FIRST, 4, 0b1110)))
    host.scan_ir(0b1111)
    assert host.scan_dr(0b1011, 5) == 0b10110


def test_an_unknown_instruction_selects_bypass() -> None:
    host = host_of(chain_of(Tap(FIRST, 4, 0b1110)))
    host.scan_ir(0b0011)
    assert host.scan_dr(0b1011, 5) == 0b10110


def test_two_taps_show_their_idcodes_from_tdo_to_tdi() -> None:
    host = host_of(chain_of(Tap(FIRST, 4, 0b1110), Tap(SECOND, 5, 0b00001)))
    assert host.scan_dr(0, 64) == SECOND << 32 | FIRST


def test_one_of_two_taps_can_be_bypassed() -> None:
    host = host_of(chain_of(Tap(FIRST, 4, 0b1110), Tap(SECOND, 5, 0b00001)))
    host.scan_ir(0b00001_1111, 9)
    assert host.scan_dr(0, 33) == SECOND << 1


def test_five_clocks_with_tms_high_reset_from_every_state() -> None:
    for path in ([0], [0, 1], [0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 1, 0], [0, 1, 1, 0, 0], [0, 1, 1, 0, 1, 0, 1]):
        chain = chain_of(Tap(FIRST, 4, 0b1110))
        host = host_of(chain)
        host.tms(*path)
        host.tms(1, 1, 1, 1, 1)
        assert chain.state is State.RESET, path


def test_trst_selects_the_idcode_again() -> None:
    chain = chain_of(Tap(FIRST, 4, 0b1110))
    host = host_of(chain)
    host.scan_ir(0b1111)
    remote_bitbang(chain, b"tr0")
    host.tms(0)
    assert host.scan_dr(0, 32) == FIRST


def test_without_power_tdo_stays_high() -> None:
    chain = chain_of(Tap(FIRST, 4, 0b1110))
    host = host_of(chain)
    chain.powered = False
    assert host.scan_dr(0, 32) == 0xFFFFFFFF


def test_power_that_comes_back_finds_the_tap_in_reset() -> None:
    chain = chain_of(Tap(FIRST, 4, 0b1110))
    host = host_of(chain)
    host.scan_ir(0b1111)
    chain.powered = False
    chain.powered = True
    host.tms(0)
    assert host.scan_dr(0, 32) == FIRST


def test_quit_ends_the_session_and_what_follows_is_not_carried_out() -> None:
    chain = chain_of(Tap(FIRST, 4, 0b1110))
    assert remote_bitbang(chain, b"RBbQRR") == (b"1", True)


def test_unknown_commands_are_not_answered() -> None:
    assert remote_bitbang(chain_of(Tap(FIRST, 4, 0b1110)), bytes(range(0x80, 0x100)) + b"\n") == (b"", False)
