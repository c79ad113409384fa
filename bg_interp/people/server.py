"""Serves an experiment to people: a WSGI application, and its server.

No path of a request reaches the disk: what can be asked for is listed when the server starts.
Other sites can't send answers (JSON only, own origin only), nor reach the server under a name of
theirs (DNS rebinding).
"""

import hmac
import ipaddress
import json
import logging
import pathlib
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from werkzeug.exceptions import BadRequest, Forbidden, HTTPException, NotFound
from werkzeug.wrappers import Request, Response

from bg_interp import cli
from bg_interp.config.people import LOOPBACK
from bg_interp.errors import UserError, one_line, printable
from bg_interp.people.answers.records import Refused
from bg_interp.people.answers.store import Store
from bg_interp.people.experiment.folder import Folder, pictures_of

PAGE = pathlib.Path(__file__).parent / "page"
PAGE_FILES = ("index.html", "page.css", "page.js", "order.js", "delivery.js")
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".png": "image/png"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_LONGEST_BODY = 4096
_THREADS = 16
_STALLED_SECONDS = 60
_CONNECTIONS = 500


def _files(folder: Folder, public: Mapping[str, Any]) -> dict[str, tuple[pathlib.Path, str]]:
    """Returns all that can be asked for: (file, type) by the path below the page's."""
    served = {name: PAGE / name for name in PAGE_FILES}
    served["host.js"] = PAGE / "host-local.js"
    served[""] = served.pop("index.html")
    served["experiment.json"] = folder.public
    for name in pictures_of(public):
        served[f"images/{name}.png"] = folder.images / f"{name}.png"
    types = {**_TYPES, ".json": "application/json"}
    return {name: (path, types[path.suffix]) for name, path in served.items()}


class Application:
    """The experiment as a WSGI application.

    Args:
      folder: of the experiment.
      store: where answers go.
      host: address that it is served on.
      preview: whether the page is to say that nothing is stored.
    """

    def __init__(self, folder: Folder, store: Store, host: str, preview: bool = False):
        self._store, self._host, self._preview = store, host, preview
        self._files = _files(folder, folder.read_public())
        self.root = "/" if host in LOOPBACK else f"/{store.link}/"
        self._trouble = ""

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        """Answers one request; see WSGI, PEP 3333."""
        request = Request(environ)
        request.max_content_length = _LONGEST_BODY
        try:
            response = self._answer(request)
        except HTTPException as error:
            response = _json({"error": error.description}, error.code or 500)
        # What the system lacks, such as space on the disk; defects of ours are raised.
        except Exception as error:
            if cli.explained(error) is None:
                raise
            self._tell(one_line(error))
            response = _json({"error": "the server is in trouble; try again later"}, 503)
        is_picture = response.mimetype == "image/png"
        response.headers.update(
            {
                "Content-Security-Policy": _POLICY,
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cross-Origin-Resource-Policy": "same-origin",
                "Cache-Control": "max-age=3600, immutable" if is_picture else "no-store",
            }
        )
        return response(environ, start_response)

    def _tell(self, trouble: str) -> None:
        """Says what is wrong, once however many people ask meanwhile; "" for nothing any more."""
        if trouble and trouble != self._trouble:
            line = f"error: {trouble}; nothing is stored meanwhile, and the pages try again"
            print(printable(line), file=sys.stderr, flush=True)
        self._trouble = trouble

    def _answer(self, request: Request) -> Response:
        self._check_host(request.host)
        path = request.path
        # Compared in constant time: it may hold the secret.
        if not hmac.compare_digest(path[: len(self.root)].encode(), self.root.encode()):
            raise NotFound("there is nothing here: the link must be whole")
        path = path[len(self.root) :]
        if request.method in ("GET", "HEAD"):
            return self._get(path)
        if request.method == "POST":
            return self._post(path, request)
        raise BadRequest("only GET, HEAD and POST are understood")

    def _check_host(self, host: str) -> None:
        """Refuses names that aren't ours: a page elsewhere may have one that points here."""
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        name = name.strip("[]").lower()
        own = LOOPBACK if self._host in LOOPBACK else (*LOOPBACK, self._host, *_own_names())
        if name in own or (self._host not in LOOPBACK and _is_address(name)):
            return
        raise Forbidden("this server isn't known by that name")

    def _get(self, path: str) -> Response:
        if path.startswith("api/state/"):
            return self._call(self._state, path.removeprefix("api/state/"))
        file = self._files.get(path)
        if file is None:
            raise NotFound("there is no such page")
        return Response(file[0].read_bytes(), mimetype=file[1])

    def _post(self, path: str, request: Request) -> Response:
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != request.host:
            raise Forbidden("another site can't send answers")
        # Other sites can't send JSON without asking first, and are refused then.
        if request.mimetype != "application/json":
            raise BadRequest("only JSON is understood")
        try:
            sent = json.loads(request.get_data(), parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise BadRequest("this is no JSON") from error
        if path == "api/start":
            simulated = isinstance(sent, dict) and sent.get("simulated") is True
            return self._call(self._start, simulated)
        if path == "api/answer":
            answered = self._call(self._store.answer, sent)
            self._tell("")
            return answered
        raise NotFound("there is no such page")

    def _state(self, number: str) -> dict[str, Any]:
        return {**self._store.state(number), "preview": self._preview}

    def _start(self, simulated: bool) -> dict[str, Any]:
        return {**self._store.start(simulated), "preview": self._preview}

    @staticmethod
    def _call(call: Callable[[Any], Any], argument: Any) -> Response:
        try:
            return _json(call(argument))
        except Refused as error:
            raise BadRequest(str(error)) from error


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, mimetype="application/json")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _own_names() -> tuple[str, ...]:
    name = socket.gethostname().lower()
    return name, f"{name}.local", socket.getfqdn().lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


# Of documentation: nothing is there.
_FAR = {"0.0.0.0": (socket.AF_INET, "192.0.2.1"), "::": (socket.AF_INET6, "2001:db8::1")}  # noqa: S104


def _reached_by(host: str) -> str:
    """Returns the address by which other machines reach what is served on `host`."""
    if host not in _FAR:
        return host
    family, far = _FAR[host]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            # It sends nothing: the system says which of its addresses it would send from.
            asked.connect((far, 9))
            return asked.getsockname()[0]
    except OSError:
        return socket.gethostname()


def link(application: Application, host: str, port: int) -> str:
    """Returns the address to give to people."""
    name = _reached_by(host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}{application.root}"


def listen(application: Application, host: str, port: int) -> Any:
    """Returns the server, which listens; its method `run` serves.

    Raises:
      UserError: the address can't be served on.
    """
    import waitress

    # It tells of every request that waits for a thread.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        return waitress.create_server(
            application,
            host=host,
            port=port,
            threads=_THREADS,
            connection_limit=_CONNECTIONS,
            channel_timeout=_STALLED_SECONDS,
            max_request_body_size=2 * _LONGEST_BODY,
            max_request_header_size=16384,
            ident=None,
        )
    except (OSError, ValueError) as error:
        raise UserError(
            f"--host={host} --port={port} can't be served on ({error}); choose another port"
        ) from error


def serve(application: Application, host: str, port: int) -> None:
    """Prints the link and serves until interrupted.

    Raises:
      UserError: the address can't be served on.
    """
    server = listen(application, host, port)
    print(link(application, host, port), flush=True)
    server.run()
