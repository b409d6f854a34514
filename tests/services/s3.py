"""Private S3 servers: Ceph's gateway, a real one, and ministack, an emulator that starts at once."""

import secrets
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

from ittyhost.launcher.processes import terminate
from tests.services.server import Server, free_port, listens, need


class S3Server(Server):
    """What both give: an endpoint, keys, and buckets on demand."""

    name = "s3"
    region = "us-east-1"
    access_key = ""
    secret_key = ""
    port = 0

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> Any:
        """A boto3 client with these keys, path style."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
        )

    def new_bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"test-{uuid.uuid4().hex[:16]}"
        client = self.client()
        try:
            client.create_bucket(Bucket=name)
        finally:
            client.close()
        return name

    def environment(self, bucket: str) -> dict[str, str]:
        """The service's settings for a bucket of this server."""
        return {
            "BUCKET_URL": f"s3://{bucket}",
            "S3_ENDPOINT_URL": self.endpoint_url,
            "S3_REGION": self.region,
            "S3_PATH_STYLE": "true",
            "S3_ACCESS_KEY_ID": self.access_key,
            "S3_SECRET_ACCESS_KEY": self.secret_key,
        }


class Ministack(S3Server):
    """Quick (half a second), and forgiving: it takes any secret in the Authorization header."""

    name = "ministack"
    access_key = secret_key = "test"  # the only pair whose presigned URLs it checks

    def _start(self) -> None:
        self.port = free_port()
        self.spawn(
            [sys.executable, "-W", "ignore", "-m", "ministack.app"],
            {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "HOME": str(self.folder), "S3_PERSIST": "0"},
        )
        self.wait(lambda: listens(self.port), timeout=120)


class Radosgw(S3Server):
    """Ceph's S3 gateway on one monitor, manager and memory-backed store; ready in about ten seconds."""

    name = "rgw"
    store_bytes = 4 * 1024**3  # in memory, taken as it fills

    def _start(self) -> None:
        programs = {
            name: need(name, package=package)
            for name, package in {
                "ceph-mon": "ceph-mon",
                "ceph-mgr": "ceph-mgr",
                "ceph-osd": "ceph-osd",
                "radosgw": "radosgw",
                "radosgw-admin": "radosgw",
                "ceph": "ceph-common",
                "ceph-authtool": "ceph-common",
                "monmaptool": "ceph-common",
            }.items()
        }
        folder = self.folder
        keyring = folder / "keyring"
        fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
        self.port, new, old = free_port(), free_port(), free_port()
        self.access_key, self.secret_key = f"AK{secrets.token_hex(9).upper()}", secrets.token_hex(20)
        monitor = f"[v2:127.0.0.1:{new}/0,v1:127.0.0.1:{old}/0]"
        (folder / "ceph.conf").write_text(self._configuration(fsid, monitor))
        self._environment = {"CEPH_CONF": str(folder / "ceph.conf")}
        for name in ("mon", "mgr", "osd", "rgw", "run"):
            (folder / name).mkdir()

        tool = [programs["ceph-authtool"], str(keyring)]
        self._do(*tool, "--create-keyring", "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        everything = ("--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *")
        self._do(*tool, "--gen-key", "-n", "client.admin", *everything, "--cap", "mds", "allow *")
        self._do(*tool, "--gen-key", "-n", "client.rgw", *everything)
        self._do(*tool, "--gen-key", "-n", "mgr.x", *everything)
        self._do(*tool, "--gen-key", "-n", "osd.0", *everything)
        monmap = str(folder / "monmap")
        self._do(programs["monmaptool"], "--create", "--clobber", "--fsid", fsid, "--addv", "a", monitor, monmap)
        self._do(programs["ceph-mon"], "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", str(keyring))

        # In the foreground (-f), not as daemons: they stay our children, and end with us.
        self.spawn([programs["ceph-mon"], "-f", "-i", "a"], self._environment)
        self.wait(lambda: listens(new), timeout=120)
        self.spawn([programs["ceph-mgr"], "-f", "-i", "x"], self._environment)
        self._do(programs["ceph"], "--connect-timeout", "120", "osd", "create", osd, "0")
        self._do(programs["ceph-osd"], "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.spawn([programs["ceph-osd"], "-f", "-i", "0"], self._environment)
        self.spawn([programs["radosgw"], "-f", "-n", "client.rgw"], self._environment)
        self._do(
            *(programs["radosgw-admin"], "user", "create", "--uid=test", "--display-name=test"),
            *(f"--access-key={self.access_key}", f"--secret={self.secret_key}"),
        )
        self.wait(self._answers, timeout=240)

    def _do(self, *command: str) -> None:
        self.run(*command, environment=self._environment)

    def _answers(self) -> bool:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.endpoint_url, timeout=2):
                return True
        except urllib.error.HTTPError as exc:
            return exc.code < 500
        except OSError:
            time.sleep(0.1)
            return False

    def _configuration(self, fsid: str, monitor: str) -> str:
        folder = self.folder
        return f"""\
[global]
fsid = {fsid}
mon_initial_members = a
mon_host = {monitor}
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
keyring = {folder}/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
auth_allow_insecure_global_id_reclaim = false
osd_objectstore = memstore
memstore_device_bytes = {self.store_bytes}
run_dir = {folder}/run
log_file = {folder}/$name.log
mon_cluster_log_file = {folder}/cluster.log
admin_socket = {folder}/run/$name.$pid.asok
pid_file = {folder}/run/$name.pid
crash_dir = {folder}/run
osd_data = {folder}/osd
mon_data = {folder}/mon
mgr_data = {folder}/mgr

[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:{self.port} tcp_nodelay=1
rgw_data = {folder}/rgw
keyring = {folder}/keyring
"""

    def stop(self) -> None:
        # Nothing is kept, so nothing needs to be told: an orderly stop of the store alone takes several seconds.
        for process in reversed(self.processes):
            if process.poll() is None:
                process.kill()
            terminate(process, patience=0)
        super().stop()


def running(server: S3Server) -> Iterator[S3Server]:
    """For a fixture: the server, stopped at the end whatever happens."""
    with server:
        yield server
