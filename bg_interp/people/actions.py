"""What tools/people.py does: one function for each of its flags."""

import contextlib
import pathlib
from collections.abc import Iterator

from bg_interp.config.people import PeopleConfig
from bg_interp.errors import UserError
from bg_interp.people import jatos, server
from bg_interp.people.answers.store import Store
from bg_interp.people.experiment import folder as folders
from bg_interp.people.experiment.folder import Folder
from bg_interp.storage import locks


def workdir(config: PeopleConfig) -> pathlib.Path:
    """Returns the folder of the study."""
    return folders.workdir(config)


def refresh(workdir: pathlib.Path) -> None:
    """Brings answers.csv and results.json up to date, where people took part in a study."""
    from bg_interp.people.answers import results

    results.update(Folder(workdir))


@contextlib.contextmanager
def _opened(config: PeopleConfig) -> Iterator[Folder]:
    """Makes the experiment unless it is there, and keeps others out of its folder meanwhile.

    Raises:
      UserError: another process is at it; what `open_or_build` raises.
    """
    path = Folder(folders.workdir(config)).path
    if not path.parent.is_dir():
        raise UserError(f"--workdir must be a folder. Received: {config.workdir}")
    try:
        with locks.alone_in(path):
            yield folders.open_or_build(config)
    except locks.FolderBusy as error:
        raise UserError(f"{path} is in use by {error}; stop that one first") from error


def serve(config: PeopleConfig) -> None:
    """Serves the experiment until it is interrupted; what is stored stays."""
    with _opened(config) as folder:
        store = Store(None if config.preview else folder.answers, folder.read_public())
        application = server.Application(folder, store, config.host, config.preview)
        server.serve(application, config.host, config.port)


def export(config: PeopleConfig) -> None:
    """Writes the experiment for JATOS."""
    with _opened(config) as folder:
        path = jatos.export(folder, str(config.export))
    print(f"{path}: import it in JATOS; --import_results reads the results that JATOS exports")


def import_results(config: PeopleConfig) -> None:
    """Stores what JATOS has collected."""
    folder = Folder(folders.workdir(config))
    store = Store(folder.answers, folder.read_public())
    counts = jatos.import_results(store, str(config.import_results))
    store.close()
    print(
        f"{counts.taken} answers taken in, {counts.known} known already, {counts.refused} refused"
    )
    report(config)


def forget(config: PeopleConfig) -> None:
    """Deletes what one person answered, in every file that says it."""
    from bg_interp.people.answers import results

    folder = Folder(folders.workdir(config))
    store = Store(folder.answers, folder.read_public())
    gone = store.forget(str(config.forget))
    store.close()
    results.update(folder)
    print(f"{gone} answers are deleted; --report writes the tables without them")


def power(config: PeopleConfig) -> None:
    """Prints how many people it takes."""
    from bg_interp.people.answers import power as powers
    from bg_interp.people.experiment import class_images

    images = class_images.read(config)
    shape = len(images.asked), len(images.seeds), len(images.treatments)
    if shape[2] < 2:
        raise UserError(
            f"--power needs two treatments to compare. Received: {', '.join(images.treatments)}"
        )
    lists = powers.what_lists_ask(
        *shape, naming=config.naming_trials, choosing=config.choosing_trials
    )
    print(
        f"{shape[0]} classes, {shape[1]} seeds, {shape[2]} treatments; each person names "
        f"{lists[0].sum()} class images.\nThe power of naming to detect a difference of "
        f"{' / '.join(f'{value:.2f}' for value in powers.DIFFERENCES)}, by simulation, where "
        "treatments act\nalike on all classes (calm), somewhat differently (middle), or very "
        "(rough):\n"
    )
    print(powers.table(lists))


def report(config: PeopleConfig) -> None:
    """Writes answers.csv and results.json, and prints what they say."""
    from bg_interp.people.answers import results

    folder = Folder(folders.workdir(config))
    updated = results.update(folder)
    if updated is None:
        raise UserError(f"nobody has taken part yet in the experiment of {folder.path}")
    print(results.table(updated))
    print(f"\n{folder.table}: every answer; {folder.results}: the numbers")
