"""A private PostgreSQL from Debian's packages, without durability unless asked for: it dies with the test run."""

import os
import pwd
import shutil
from pathlib import Path

from tests.services.server import Server, Unavailable, free_port, need


def _programs() -> Path:
    """The newest installed version's folder of programs. Raises Unavailable."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[4]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("postgres"):
        return Path(on_path).parent
    raise Unavailable("PostgreSQL is not installed (Debian package postgresql; `make services` installs it).")


class Postgres(Server):
    """`url` names an empty database; `new_database()` makes another."""

    name = "pg"
    user = "ittyhost"

    def __init__(self, *, durable: bool = False) -> None:
        super().__init__()
        self.durable = durable

    def _start(self) -> None:
        programs = _programs()
        self.port = free_port()
        self._psql = (
            str(programs / "psql") if (programs / "psql").exists() else need("psql", package="postgresql-client")
        )
        data = self.folder / "data"
        prefix: list[str] = []
        if os.getuid() == 0:  # the server refuses to run as root
            account = self._account()
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            # Changing the user clears a parent-death signal, so that setpriv must ask for it itself, afterwards.
            prefix = [need("setpriv", package="util-linux"), f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}"]
            prefix += ["--clear-groups", "--pdeathsig", "INT"]
        self.run(
            *prefix,
            str(programs / "initdb"),
            "-D",
            str(data),
            "-A",
            "trust",
            "-U",
            self.user,
            "-E",
            "UTF8",
            "--no-sync",
        )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            "shared_buffers": "64MB",
            "timezone": "UTC",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.spawn([*prefix, str(programs / "postgres"), "-D", str(data), *options], own_signal=bool(prefix))
        self.wait(self._answers, timeout=120)
        self.url = self.new_database("ittyhost")

    def new_database(self, name: str) -> str:
        """The URL of a new, empty database."""
        self._sql("postgres", f'CREATE DATABASE "{name}"')
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/{name}"

    def drop_database(self, name: str) -> None:
        self._sql("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _answers(self) -> bool:
        try:
            self._sql("postgres", "SELECT 1")
        except RuntimeError:
            return False
        return True

    def _sql(self, database: str, statement: str) -> str:
        return self.run(
            *(self._psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port)),
            *("-U", self.user, "-d", database, "-c", statement),
        )

    @staticmethod
    def _account() -> pwd.struct_passwd:
        for name in ("postgres", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise Unavailable("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as.")

    def stop(self) -> None:
        # SIGINT is its fast shutdown; SIGTERM waits for clients to leave by themselves.
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(2)
        super().stop()
