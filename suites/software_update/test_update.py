"""Updates: the vendor's image installs, and no other image does."""

from drivers.storage.altered import AlteredStart
from drivers.update.http_upload import UpdateTrials
from lab_config.bench import Permission
from trustprobe.judging.case import case
from trustprobe.probe import Observation

NEEDS = (Permission.UPDATE,)


@case(
    "update.unauthorised",
    covers=["SU-1", "IR8259 SU-4"],
    fails_on="presence",
    needs=NEEDS,
    advice="Require the administrator's session before the first byte of the image is read.",
)
def test_update_requires_authorisation(update_without_login: Observation) -> None:
    """Offer an image of the vendor without a login.

    Witness: the administrator's session can read the state of the update at the same time.
    """
    accepted = sorted(update_without_login.seen)
    uploads = "; ".join(f"{about}: {update_without_login.detail(about)}" for about in accepted)
    assert not accepted, f"accepted without a login: {uploads}"


@case(
    "update.rejects",
    covers=["SU-1", "EN303645 5.3-9", "EN18031 SUM-2"],
    fails_on="presence",
    needs=NEEDS,
    advice="Check signature, digest, model and version of the whole image before the first block is written.",
)
def test_bad_image_does_not_run(rejected_image: UpdateTrials) -> None:
    """Offer images that differ in one property from one that the device would accept now.

    If an image runs afterwards, by version or slot, the case fails. A refused transfer is recorded as a separate fact.
    Witness: the unchanged image was accepted afterwards in the same way.
    """
    running = sorted(rejected_image.seen)
    assert not running, f"the image runs: {'; '.join(rejected_image.detail(about) for about in running)}"


@case(
    "update.refusal.reported",
    covers=["SU-1"],
    fails_on="absence",
    needs=NEEDS,
    advice="Record how the last update ended, with the reason of a refusal, where its status can be read.",
)
def test_refused_image_is_reported(refusal_report: UpdateTrials) -> None:
    """Read the declared status of the update mechanism before and after each image that it refuses.

    After at least one of them, the status must report the refusal in words that it did not show before. An old refusal
    does not count. Witness: images were refused, and the status could be read after them.
    """
    assert refusal_report.reported, f"the status reports no refusal: {refusal_report.detail('status')}"


@case(
    "update.valid",
    covers=["SU-1", "EN303645 5.3-2", "EN18031 SUM-1"],
    fails_on="absence",
    needs=NEEDS,
    advice="Read in the device's log why the image of its own vendor was not installed.",
)
def test_vendor_image_installs(valid_image: UpdateTrials) -> None:
    """Offer a newer image of the vendor, and read the version after the restart.

    Witness for an image that does not install: the device accepted the transfer, and answers.
    """
    missing = valid_image.refused | valid_image.silent
    assert not missing, "; ".join(valid_image.detail(about) for about in sorted(missing))


@case(
    "update.interrupted.power",
    covers=["SU-1"],
    fails_on="presence",
    needs=(Permission.UPDATE, Permission.POWER),
    advice="Write the image to the inactive slot, and switch to it in one step after it was verified.",
)
def test_power_cut_leaves_the_old_or_the_new_version(interrupted_update: Observation) -> None:
    """Install a newer image of the vendor, and cut the power at two moments while it is being written.

    The device must come back with the old or the new version each time. If the network is silent, the console must
    show that nothing starts. Witness: the image was accepted before each cut, and the device came back from a power cut
    before the update.
    """
    lost = sorted(interrupted_update.seen)
    assert not lost, "; ".join(f"{about}: {interrupted_update.detail(about)}" for about in lost)


@case(
    "update.boot_verification",
    covers=["SU-1", "EN303645 5.7-1"],
    fails_on="presence",
    needs=(Permission.UPDATE, Permission.POWER),
    advice="Make each boot stage verify the next one with a key in fuses or in write-protected flash.",
)
def test_software_altered_in_storage_does_not_start(altered_part: AlteredStart) -> None:
    """Alter one letter of a text without function in each part of the stored software, and start the device.

    The case fails if the software that was there before starts again in its altered form. A refusal by the bootloader,
    the start of other software, or no start is not a failure. The storage is restored. Witness: the alteration was read
    back from the storage before the start. With its original storage, the device starts what ran before.
    """
    started = sorted(altered_part.seen)
    assert not started, f"altered software started: {'; '.join(altered_part.detail(part) for part in started)}"
