"""Updates: the vendor's install, and no other image does."""

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
    advice="Ask for the administrator's session before the first byte of the image is read.",
)
def test_update_needs_authority(update_without_login: Observation) -> None:
    """Offer an image of the vendor's without a login.

    Witness: the administrator's session can ask for the state of the update at the same time.
    """
    assert not update_without_login.seen, f"taken without a login: {update_without_login.detail('upload')}"


@case(
    "update.rejects",
    covers=["SU-1", "EN303645 5.3-9", "EN18031 SUM-2"],
    fails_on="presence",
    needs=NEEDS,
    advice="Check signature, digest, model and version of the whole image before the first block is written.",
)
def test_bad_image_does_not_run(rejected_image: UpdateTrials) -> None:
    """Offer images that differ in one property from one that the device would accept now.

    An image that runs afterwards, by version or slot, is a failure; that the transfer was refused is noted as a fact
    of its own. Witness: the unchanged image, taken afterwards by the same way.
    """
    running = sorted(rejected_image.seen)
    assert not running, f"the image runs: {'; '.join(rejected_image.detail(about) for about in running)}"


@case(
    "update.refusal.reported",
    covers=["SU-1"],
    fails_on="absence",
    needs=NEEDS,
    advice="Keep how the last update ended, with the reason of a refusal, where its status can be read.",
)
def test_refused_image_is_reported(refusal_report: UpdateTrials) -> None:
    """Read the declared status of the update mechanism before and after each image that it refuses.

    After at least one of them it must say so in words that it did not say before: an old refusal does not count.
    Witness: images were refused, and the status could be read after them.
    """
    assert refusal_report.reported, f"the status says nothing of a refusal: {refusal_report.detail('status')}"


@case(
    "update.valid",
    covers=["SU-1", "EN303645 5.3-2", "EN18031 SUM-1"],
    fails_on="absence",
    needs=NEEDS,
    advice="Find out from the device's log why its own vendor's image was not installed.",
)
def test_vendor_image_installs(valid_image: UpdateTrials) -> None:
    """Offer a newer image of the vendor's, and read the version after the restart.

    Witness for an image that does not install: the device took the transfer, and answers.
    """
    missing = valid_image.refused | valid_image.silent
    assert not missing, "; ".join(valid_image.detail(about) for about in sorted(missing))


@case(
    "update.interrupted.power",
    covers=["SU-1"],
    fails_on="presence",
    needs=(Permission.UPDATE, Permission.POWER),
    advice="Write the image to the slot that does not run, and switch to it in one step after it was verified.",
)
def test_power_cut_leaves_the_old_or_the_new_version(interrupted_update: Observation) -> None:
    """Install a newer image of the vendor's, and cut the power while it is being written, at two moments.

    The device must come back with the old or the new version each time.
    Witness: the image was taken before each cut, and the device came back from a power cut before the update.
    """
    lost = sorted(interrupted_update.seen)
    assert not lost, "; ".join(f"{about}: {interrupted_update.detail(about)}" for about in lost)


@case(
    "update.boot_verification",
    covers=["SU-1", "EN303645 5.7-1"],
    fails_on="presence",
    needs=(Permission.UPDATE, Permission.POWER),
    advice="Have each stage of the start verify the next one, from a key in fuses or in flash that is write-protected.",
)
def test_software_altered_in_the_storage_does_not_start(altered_part: AlteredStart) -> None:
    """Alter one letter of a text without function in each part of the stored software, and start the device.

    Software that was there before and starts again, altered as it is, is a failure; the bootloader's refusal, other
    software or no start at all is none. The storage is put back. Witness: the alteration was read back from the
    storage before the start, and with its storage as it was the device starts what ran before.
    """
    started = sorted(altered_part.seen)
    assert not started, f"altered software started: {'; '.join(altered_part.detail(part) for part in started)}"
