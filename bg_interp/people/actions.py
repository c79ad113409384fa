"""What tools/people.py does: one function for each of its flags."""

from bg_interp import cli
from bg_interp.config.people import PeopleConfig
from bg_interp.errors import UserError
from bg_interp.people import folder as folders
from bg_interp.people import server
from bg_interp.people.store import Store
from bg_interp.storage import locks


def run(config: PeopleConfig) -> None:
    """Does what is asked for.

    Raises:
      UserError: it can't be done.
    """
    serve(config)


def serve(config: PeopleConfig) -> None:
    """Serves the experiment until it is interrupted; what is stored stays."""
    where = folders.Folder(folders.workdir(config))
    try:
        with locks.alone_in(where.path):
            folder = folders.open_or_build(config)
            store = Store(None if config.preview else folder.answers, folder.read_public())
            application = server.Application(folder, store, config.host, config.preview)
            server.serve(application, config.host, config.port)
    except locks.FolderBusy as error:
        raise UserError(f"{where.path} is in use by {error}; stop that one first") from error
