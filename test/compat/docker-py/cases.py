"""Cases for the Docker SDK for Python. Usage: cases.py SOCKET; prints one line a case and exits with the number that failed."""

import io
import sys
import tarfile
import traceback

import docker

client = docker.DockerClient(base_url="unix://" + sys.argv[1], timeout=30)
api = client.api


def run_output():
    assert client.containers.run("busybox", ["echo", "hello"], remove=True) == b"hello\n"


def run_failure():
    try:
        client.containers.run("busybox", ["sh", "-c", "echo bad >&2; exit 3"], remove=True)
    except docker.errors.ContainerError as error:
        assert error.exit_status == 3 and error.stderr == b"bad\n", error
    else:
        raise AssertionError("no error")


def run_detached():
    container = client.containers.run("busybox", ["sleep", "1000"], detach=True, name="py1", labels={"a": "b"})
    container.reload()
    assert container.status == "running" and container.labels == {"a": "b"} and container.name == "py1"
    container.stop(timeout=1)
    container.reload()
    assert container.status == "exited", container.status
    container.remove()


def exec_run():
    container = client.containers.run("busybox", ["sleep", "1000"], detach=True)
    result = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 4"], demux=True)
    assert result.exit_code == 4 and result.output == (b"out\n", b"err\n"), result
    container.remove(force=True)


def exec_stream():
    container = client.containers.run("busybox", ["sleep", "1000"], detach=True)
    _, stream = container.exec_run(["seq", "3"], stream=True)
    assert b"".join(stream) == b"1\n2\n3\n"
    container.remove(force=True)


def exec_socket():
    container = client.containers.run("busybox", ["sleep", "1000"], detach=True)
    _, connection = container.exec_run(["cat"], stdin=True, socket=True)
    connection._sock.sendall(b"ping\n")
    assert connection._sock.recv(13) == b"\x01\0\0\0\0\0\0\x05ping\n"
    connection.close()
    container.remove(force=True)


def logs():
    container = client.containers.run("busybox", ["seq", "5"], detach=True)
    container.wait()
    assert container.logs(tail=2) == b"4\n5\n"
    assert b"".join(container.logs(stream=True, follow=True)) == b"1\n2\n3\n4\n5\n"
    container.remove()


def attach_stream():
    container = client.containers.create("busybox", ["sh", "-c", "echo one; echo two"])
    output = container.attach(stream=True, logs=True)
    container.start()
    assert b"".join(output) == b"one\ntwo\n"
    container.remove()


def wait_conditions():
    container = client.containers.create("busybox", ["sh", "-c", "exit 6"])
    container.start()
    assert container.wait()["StatusCode"] == 6
    container.remove()


def stats():
    container = client.containers.run("busybox", ["sleep", "1000"], detach=True)
    once = container.stats(stream=False)
    assert once["memory_stats"]["usage"] > 0 and once["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    streamed = next(container.stats(decode=True, stream=True))
    assert streamed["pids_stats"]["current"] == 1
    container.remove(force=True)


def export_tar():
    container = client.containers.create("busybox")
    archive = tarfile.open(fileobj=io.BytesIO(b"".join(container.export())))
    assert "bin/busybox" in archive.getnames()
    container.remove()


def image_save_load():
    image = client.images.get("busybox")
    image.tag("saved", "py")
    data = b"".join(client.images.get("saved:py").save(named="saved:py"))
    client.images.remove("saved:py")
    loaded = client.images.load(data)
    assert [one.id for one in loaded] == [image.id], loaded
    client.images.remove("saved:py")


def images():
    assert [tag for image in client.images.list() for tag in image.tags] == ["busybox:latest"]
    assert client.images.get("busybox").history()
    try:
        client.images.get("ghost")
    except docker.errors.ImageNotFound:
        pass
    else:
        raise AssertionError("ghost found")


def errors():
    for action in (lambda: client.containers.get("ghost"), lambda: api.start("ghost"), lambda: api.remove_container("ghost")):
        try:
            action()
        except docker.errors.NotFound as error:
            assert "No such container: ghost" in str(error), error
        else:
            raise AssertionError("no error")
    container = client.containers.run("busybox", ["sleep", "1000"], detach=True)
    try:
        container.remove()
    except docker.errors.APIError as error:
        assert error.status_code == 409, error
    else:
        raise AssertionError("removed while running")
    container.remove(force=True)


def events():
    container = client.containers.create("busybox", ["true"])
    stream = client.events(decode=True, filters={"container": container.id, "event": ["start", "die"]})
    container.start()
    assert [next(stream)["Action"], next(stream)["Action"]] == ["start", "die"]
    stream.close()
    container.remove()


def volumes():
    volume = client.volumes.create("pyvolume", labels={"k": "v"})
    assert volume.attrs["Labels"] == {"k": "v"}
    client.containers.run("busybox", ["touch", "/data/x"], volumes={"pyvolume": {"bind": "/data", "mode": "rw"}}, remove=True)
    assert client.containers.run("busybox", ["ls", "/data"], volumes=["pyvolume:/data"], remove=True) == b"x\n"
    volume.remove()


def options():
    output = client.containers.run(
        "busybox",
        ["sh", "-c", "id -u; pwd; echo $A; hostname; cat /proc/self/oom_score_adj; ulimit -n"],
        user="1000",
        working_dir="/tmp",
        environment={"A": "1"},
        hostname="named",
        oom_score_adj=10,
        ulimits=[docker.types.Ulimit(name="nofile", soft=99, hard=100)],
        mem_limit="64m",
        read_only=True,
        tmpfs={"/scratch": "size=1m"},
        cap_drop=["ALL"],
        remove=True,
    )
    assert output == b"1000\n/tmp\n1\nnamed\n10\n99\n", output


cases = [
    run_output, run_failure, run_detached, exec_run, exec_stream, exec_socket, logs, attach_stream, wait_conditions,
    stats, export_tar, image_save_load, images, errors, events, volumes, options,
]
failed = 0
for case in cases:
    try:
        case()
        print("ok " + case.__name__)
    except Exception:
        failed += 1
        print("FAILED " + case.__name__ + "\n" + traceback.format_exc())
sys.exit(failed)
