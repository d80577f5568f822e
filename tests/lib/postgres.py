# SPDX-License-Identifier: AGPL-3.0-or-later
"""A PostgreSQL of our own in a temporary folder, on a Unix socket; stopped at exit."""
import atexit
import os
import pathlib
import shutil
import subprocess
import tempfile
import uuid

BIN = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), default=pathlib.Path("/usr/bin"))


def _as_user(command):
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


class Cluster:
    def __init__(self, settings=()):
        self.dir = tempfile.mkdtemp(prefix="heed-pg-", dir="/tmp")
        if os.geteuid() == 0:
            shutil.chown(self.dir, "postgres", "postgres")
        self.run("initdb", "-D", f"{self.dir}/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8")
        with open(f"{self.dir}/data/postgresql.conf", "a") as conf:
            conf.write(f"listen_addresses=''\nunix_socket_directories='{self.dir}'\nmax_connections=100\nshared_buffers=64MB\n"
                       "logging_collector=off\n" + "\n".join(settings) + "\n")
        self.start()
        atexit.register(self.destroy)

    def run(self, program, *args, check=True):
        return subprocess.run(_as_user([str(BIN / program), *args]), check=check, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/tmp")

    def start(self):
        self.run("pg_ctl", "-D", f"{self.dir}/data", "-w", "-t", "30", "-l", f"{self.dir}/log", "start")

    def stop(self, mode="fast"):
        self.run("pg_ctl", "-D", f"{self.dir}/data", "-w", "-m", mode, "stop", check=False)

    def restart(self, mode="immediate"):
        self.run("pg_ctl", "-D", f"{self.dir}/data", "-w", "-t", "30", "-m", mode, "-l", f"{self.dir}/log", "restart")

    def psql(self, sql, database="postgres"):
        done = subprocess.run(["psql", "-h", self.dir, "-U", "postgres", "-d", database, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql],
                              capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def database(self):
        """Makes an empty database and returns its URL."""
        name = "heed_" + uuid.uuid4().hex[:12]
        self.psql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        return f"postgres://postgres@/{name}?host={self.dir}"

    def destroy(self):
        self.stop("immediate")
        shutil.rmtree(self.dir, ignore_errors=True)


_shared = None


def shared():
    global _shared
    if _shared is None:
        _shared = Cluster(("fsync=on",))
    return _shared
