#!/usr/bin/env python3
"""The unmodified OpenAI Python package against `flywheel caas`: openai_containers.py [FOLDER]

Installs the pinned package into FOLDER (default: a temporary one), starts a daemon (FLYWHEEL_PROGRAM)
and makes every call that the package has for containers and their files.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "system"))
from caas_daemon import Daemon  # noqa: E402

PACKAGE = "openai==3.57.0"


def use(client):
    made = client.containers.create(name="mine", expires_after={"anchor": "last_active_at", "minutes": 20},
                                    memory_limit="1g")
    assert made.name == "mine" and made.status == "running" and made.object == "container", made
    assert made.expires_after.minutes == 20 and made.memory_limit == "1g", made
    assert client.containers.retrieve(made.id).id == made.id
    others = [client.containers.create(name="other") for _ in range(3)]
    assert made.id in [each.id for each in client.containers.list(limit=2)]  # by itself page after page
    page = client.containers.list(limit=2, order="asc")
    assert [each.id for each in page.data] == [made.id, others[0].id] and page.has_more, page

    files = client.containers.files
    put = files.create(made.id, file=("data.csv", b"a,b\n1,2\n"))
    assert put.path == "/mnt/data/data.csv" and put.bytes == 8 and put.container_id == made.id, put
    assert [each.id for each in files.list(made.id)] == [put.id]
    assert files.retrieve(put.id, container_id=made.id).object == "container.file"
    assert files.content.retrieve(put.id, container_id=made.id).read() == b"a,b\n1,2\n"
    files.delete(put.id, container_id=made.id)
    assert list(files.list(made.id)) == []

    client.containers.delete(made.id)
    assert client.containers.retrieve(made.id).status == "killed"


def check_errors(client, openai):
    for call, kind in (
            (lambda: client.containers.retrieve("container_nonsense"), openai.NotFoundError),
            (lambda: client.containers.create(name="x", file_ids=["file-1"]), openai.BadRequestError)):
        try:
            call()
        except kind as error:
            assert error.body["message"], error
        else:
            raise AssertionError(f"{kind.__name__} was expected")


def main():
    with tempfile.TemporaryDirectory(prefix="fw_openai_") as folder:
        packages = sys.argv[1] if len(sys.argv) > 1 else folder + "/site"
        if not pathlib.Path(packages, "openai").exists():
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", packages,
                            "--disable-pip-version-check", PACKAGE], check=True, timeout=300)
        sys.path.insert(0, packages)
        import openai
        state = pathlib.Path(folder) / "state"
        # The package always sends a token, and a wrong one is refused wherever it comes from.
        token = subprocess.run([os.environ["FLYWHEEL_PROGRAM"], "caas", "--state", state, "token", "sdk"],
                               check=True, capture_output=True, encoding="utf-8", timeout=60).stdout.strip()
        daemon = Daemon(state)
        try:
            client = openai.OpenAI(base_url=f"http://127.0.0.1:{daemon.port}/v1", api_key=token)
            use(client)
            check_errors(client, openai)
        finally:
            daemon.stop()
        print(f"openai {openai.__version__}: every call for containers and their files works")


if __name__ == "__main__":
    main()
