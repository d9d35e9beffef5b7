"""Which reader takes a file, and which files none takes."""

import builtins
import os
import pickle
import subprocess
import sys

import jax
import numpy as np
import pytest

from lbdnn.networks import FullyConnected, Model, ModelError, read, write

TEXT = "1\n1\n0\n2.0\n1.0\n0.0\n1.0\n"
NNET = "// c\n1,1,1,1,\n1,1,\n0,\n-1,\n1,\n0,0,\n1,1,\n2.0,\n1.0,\n"


@pytest.fixture
def file(folder):
    def make(name, content):
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def test_by_suffix_by_content_and_by_name(file, folder):
    for name, content, form in (
        ("a.txt", TEXT, None),
        ("a.TXT", TEXT, None),
        ("a", TEXT, None),
        ("a.dat", TEXT, "text"),
        ("a.nnet", NNET, None),
        ("a.xyz", NNET, None),
    ):
        model = read(file(name, content), format=form)
        assert isinstance(model, Model) and model.net.size == 2
        assert read(str(folder / name), format=form).name == "a"
    pytest.importorskip("safetensors")
    net = FullyConnected((1, 2, 1))
    write(folder / "b.safetensors", net, net.init(jax.random.key(0)))
    os.replace(folder / "b.safetensors", folder / "b")
    assert read(folder / "b").net == net


def test_onnx_by_content(onnx_file):
    import onnx

    nodes = [onnx.helper.make_node("Tanh", ["x"], ["y"])]
    assert read(onnx_file(nodes, {}, [1, 3], name="no_suffix")).net.inputs == 3


class Payload:
    def __reduce__(self):
        return print, ("unpickled!",)


@pytest.mark.parametrize("name", ["m.pt", "m.pth", "m.pkl", "m.ckpt", "m", "m.dat"])
@pytest.mark.parametrize("zipped", [False, True])
def test_pickles_are_never_opened(file, capsys, name, zipped):
    content = b"PK\x03\x04" + bytes(40) if zipped else pickle.dumps(Payload())
    with pytest.raises(ModelError, match=r"safetensors\.torch\.save_file"):
        read(file(name, content))
    assert "unpickled" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".onnx", ".nnet", ".txt", ".safetensors"])
def test_a_pickle_under_another_name(file, capsys, suffix):
    with pytest.raises(ModelError):
        read(file(f"m{suffix}", pickle.dumps(Payload())))
    assert "unpickled" not in capsys.readouterr().out


def test_missing_empty_folder_and_unknown(file, folder):
    for path, message in (
        (folder / "missing.onnx", "there is no such file"),
        (file("empty.onnx", ""), "the file is empty"),
        (folder, "not a regular file"),
        (file("what.ever", "hello there"), "neither suffix nor content names a format"),
        (file("blank", "  \n "), "neither suffix nor content"),
    ):
        with pytest.raises(ModelError, match=message) as caught:
            read(path)
        assert str(path) in str(caught.value)
    with pytest.raises(ModelError, match="no format 'torch'; the formats are 'nnet', 'onnx'"):
        read(file("a.txt", TEXT), format="torch")
    with pytest.raises(ModelError, match="the format 'nnet' takes no 'activation'"):
        read(file("a.nnet", NNET), activation="tanh")


@pytest.mark.parametrize("name, size", [("huge.safetensors", 2**31 + 1), ("huge.txt", 2**28 + 1)])
def test_too_large(folder, name, size):
    path = folder / name
    with path.open("wb") as sparse:
        sparse.truncate(size)
    with pytest.raises(ModelError, match="bytes"):
        read(path)
    path.unlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_does_not_hang(folder):
    os.mkfifo(folder / "pipe.onnx")
    with pytest.raises(ModelError, match="not a regular file"):
        read(folder / "pipe.onnx")


@pytest.mark.parametrize("package, suffix", [("onnx", ".onnx"), ("safetensors", ".safetensors")])
def test_a_missing_extra_is_named(file, monkeypatch, package, suffix):
    original = builtins.__import__

    def without(name, *arguments, **options):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=rf"pip install 'lbdnn\[{package}\]'"):
        read(file(f"m{suffix}", b"\x08\x03"))
    if package == "safetensors":
        with pytest.raises(ImportError, match="lbdnn"):
            write("m.safetensors", FullyConnected((1, 1)), (np.ones((1, 2)),))


def test_importing_networks_loads_no_format():
    code = "import sys, lbdnn.networks; print(sorted({'onnx', 'safetensors'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
