"""Canaries in the storage: texts made for the run are planted over the web administration, and looked for in an image.

A public one that is found proves that the image is this sample's, is of now, and can be read; only then does it mean
something that a secret one is not found.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

from drivers.data import table
from drivers.forms import compiled, forms_of, weak_hashes_of
from drivers.network.web.administration.administration import Administration
from drivers.network.web.administration.administrator import Administrator
from drivers.storage.dump import image_of
from drivers.storage.published import Presented, public_half
from drivers.storage.search import PublishedKeys, SearchTerm, StoragePlace, search_unpacked
from lab_config.bench import StorageBench
from lab_config.component import Setting, UserDataDeclaration
from trustprobe.probe import DETAIL_LIMIT, Answer, Asked, Fact, Observation, Recorder, Witness, all_of, condition

_SEARCH = Asked(door="the storage", shape="a search of the whole image")

_KEYS = "private_keys"
PUBLIC, SECRET = "public canary", "secret canary"


@dataclass(frozen=True)
class PlantedSample:
    """The sample as an administrator and a lab hold it: its web administration, and its storage where there is access.

    `ready` waits, at most so many seconds, until the device answers again after a dump.
    """

    web: Administration
    setting: Setting
    user_data: UserDataDeclaration
    storage: StorageBench | None
    ready: Callable[[], object]

    def administrator(self, record: Recorder) -> Administrator:
        """Return the administrator, who is not logged in yet."""
        return Administrator(self.web, record)

    def look(
        self, wanted: list[SearchTerm], record: Recorder, keys: PublishedKeys | None = None
    ) -> tuple[dict[str, tuple[StoragePlace, ...]], Witness]:
        """Take an image, search it, and wait for the device; the witness says whether all of it was searched."""
        assert self.storage is not None
        with image_of(self.storage, record) as image:
            self.ready()
            found, unpacking = search_unpacked(image, wanted, keys)
            record.note(str(unpacking))
            words = f"all {image.octets}" if image.whole else f"only {image.searched} of {image.octets}"
            whole = condition(
                f"{words} octets of the image were searched; {unpacking}", holds=image.whole and not unpacking.stopped
            )
        for about, places in found.items():
            for place in places:
                record.note(f"{about}: {place}")
        return found, whole


def canary(kind: str) -> str:
    """Make a text for this run that nothing else contains, short enough for any field."""
    return f"tp{kind}{secrets.token_hex(8)}"


def _public(found: dict[str, tuple[StoragePlace, ...]], setting: Setting) -> Witness:
    places = found[PUBLIC]
    words = f"was found in the image: {places[0]}" if places else "was not found in the image"
    return Witness(what=f"the planted value of {setting.field} {words}", holds=bool(places), asked=_SEARCH)


def _fact(about: str, places: tuple[StoragePlace, ...], more: str = "") -> Fact:
    """SEEN where something was found; an image that shows nothing is silence."""
    detail = "; ".join(str(place) for place in places) if places else f"nothing found{more}"
    answer = Answer.SEEN if places else Answer.SILENT
    return Fact(about=about, answer=answer, detail=detail[:DETAIL_LIMIT], asked=_SEARCH)


class StorageSearch(Observation):
    """What an image shows: a fact for the secret canary, and one for each row of drivers/data/storage_patterns.yaml."""

    planted: Witness
    """The secret canary was taken and shown by the device before the image was made."""

    def of_secret(self) -> Self:
        """Narrow to the secret canary, which must have been planted as well."""
        witness = all_of([self.planted, *([self.witness] if self.witness else [])])
        return self.about(SECRET).model_copy(update={"witness": witness})


@dataclass(frozen=True)
class SearchStorage:
    """Plant a secret and a public text, take an image, and search it for the secret one and for what no image may hold.

    `passwords` are valid ones by the account's name; only whether they were found is kept. The setting is put back,
    the user data stays: many products delete all of it or none. Witness: the public text was found.
    """

    sample: PlantedSample
    passwords: tuple[tuple[str, str], ...] = field(repr=False)
    presented: Callable[[Recorder], Presented] = lambda _record: Presented()
    """Reads the public keys that the device presents. Called if a published key is found."""

    @property
    def name(self) -> str:
        """One observation."""
        return "storage_search"

    def run(self, record: Recorder) -> StorageSearch:
        """Plant, dump, search, put the setting back."""
        sample, public, secret = self.sample, canary("public"), canary("secret")
        with sample.administrator(record) as admin:
            planted = admin.add(sample.user_data, canary("name"), secret)
            old = admin.setting(sample.setting)
            changed = old is not None and admin.change(sample.setting, public)  # after the secret: written last
            try:
                keys: PublishedKeys = {}
                found, whole = sample.look(self._wanted(public, secret), record, keys)
            finally:
                if old is not None:
                    admin.change(sample.setting, old)
        presented = self.presented(record) if keys else Presented()
        found[_KEYS] += _used(keys, presented, record)
        taken = f"{sample.setting.field} {'accepted' if changed else 'did not accept'} a value made for this run"
        return StorageSearch(
            question="Which secrets are in clear in the storage?",
            facts=tuple(_fact(about, places) for about, places in found.items() if about != PUBLIC),
            witness=all_of([condition(taken, holds=changed), _public(found, sample.setting), whole]),
            planted=condition(
                f"{sample.user_data.path} {'shows' if planted else 'does not show'} the added text",
                holds=planted,
            ),
            left_open=_left_open(presented),
        )

    def _wanted(self, public: str, secret: str) -> list[SearchTerm]:
        texts: dict[str, dict[str, bytes]] = {
            "credentials": {},
            "password_hashes_weak": {},
        }
        for account, password in self.passwords:
            texts["credentials"] |= forms_of(f"the password of {account}", password)
            texts["password_hashes_weak"] |= weak_hashes_of(f"the password of {account}", password)
        rows = [
            SearchTerm(row, texts.get(row, {}), compiled(patterns))
            for row, patterns in table("storage_patterns").items()
        ]
        return [
            SearchTerm(PUBLIC, forms_of("it", public)),
            SearchTerm(SECRET, forms_of("the secret text", secret)),
            *rows,
        ]


def _used(keys: PublishedKeys, presented: Presented, record: Recorder) -> tuple[StoragePlace, ...]:
    """Return the published keys in the image that the device uses as its own: it presents their public half."""
    used = []
    for pem, place in keys.items():
        if port := presented.keys.get(public_half(pem)):
            used.append(replace(place, what=f"{place.what} that a library publishes and {port} uses,"))
        record.note(f"a published key, {f'used by {port}' if port else 'which no port presents'}: {place}")
    return tuple(used)


def _left_open(presented: Presented) -> dict[str, str]:
    if not presented.unread:
        return {}
    return {_KEYS: f"a published key was found, and the key of {', '.join(presented.unread)} could not be read"}


class Deletion(Observation):
    """Where user data shows after its deletion: facts `api` and, with access to the storage, `storage`."""

    dumped: Witness
    """The storage would have shown the data, had it been there in clear."""

    def of(self, place: str) -> Self:
        """Narrow to one place, with its own witness."""
        parts = [self.witness, self.dumped if place == "storage" else None]
        return self.about(place).model_copy(update={"witness": all_of([part for part in parts if part is not None])})


@dataclass(frozen=True)
class DeleteUserData:
    """Add user data, delete all of it as a customer does, and look for it where it was shown, and in an image.

    Witness: it was shown before, and what is shown can be read afterwards. What lies encrypted in the image shows
    nothing, before the deletion and after it.
    """

    sample: PlantedSample

    @property
    def name(self) -> str:
        """One observation."""
        return "deletion"

    def run(self, record: Recorder) -> Deletion:
        """Plant, delete, look."""
        sample, name, secret = self.sample, canary("name"), canary("secret")
        with sample.administrator(record) as admin:
            planted = admin.add(sample.user_data, name, secret)
            answer = admin.ask(sample.user_data.delete_method, sample.user_data.delete_path)
            words = "no answer" if answer is None else f"{answer.status}"
            admin.forget_session()
            still = admin.shows(sample.user_data, secret) or admin.shows(sample.user_data, name)
            facts = [self._shown(still, words)]
            dumped = condition("the bench cannot dump the storage", holds=False)
            if sample.storage is not None:
                fact, dumped = self._stored(admin, (name, secret), record)
                facts.append(fact)
        shown = f"the data was {'' if planted else 'not '}shown before the deletion"
        read = f"the page {'could' if still is not None else 'could not'} be read afterwards"
        return Deletion(
            question="Is user data gone after its deletion?",
            facts=tuple(facts),
            witness=all_of([condition(shown, holds=planted), condition(read, holds=still is not None)]),
            dumped=dumped,
        )

    def _shown(self, still: bool | None, words: str) -> Fact:
        about = f"{self.sample.user_data.delete_method} answered {words}"
        if still is None:
            return Fact(about="api", answer=Answer.SILENT, detail=f"{about}; the page could not be read")
        if still:
            return Fact(about="api", answer=Answer.SEEN, detail=f"{about}; the data is still shown")
        return Fact(about="api", answer=Answer.REFUSED, detail=f"{about}; the data is no longer shown")

    def _stored(self, admin: Administrator, texts: tuple[str, str], record: Recorder) -> tuple[Fact, Witness]:
        sample, public = self.sample, canary("public")
        old = admin.setting(sample.setting)
        changed = old is not None and admin.change(sample.setting, public)
        name, secret = texts
        gone = SearchTerm("storage", forms_of("the name of the data", name) | forms_of("the text of the data", secret))
        try:
            found, whole = sample.look([SearchTerm(PUBLIC, forms_of("it", public)), gone], record)
        finally:
            if old is not None:
                admin.change(sample.setting, old)
        taken = f"{sample.setting.field} {'accepted' if changed else 'did not accept'} a value made for this run"
        witness = all_of([condition(taken, holds=changed), _public(found, sample.setting), whole])
        return _fact("storage", found["storage"], " of the deleted data"), witness
