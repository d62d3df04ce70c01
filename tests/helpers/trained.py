"""What the tests of train and replay share: a short run, and the weights of a file as one number."""

import hashlib

from curate.artifacts.kinds import MODEL

QUICK = {"n_epochs": 2}


def sha_of_saved(path):
    """The sha256 over weights in order of name, computed from the file."""
    from safetensors import safe_open

    digest = hashlib.sha256()
    with safe_open(path, framework="numpy") as file:
        assert MODEL in file.metadata()
        for name in sorted(file.keys()):
            digest.update(name.encode())
            digest.update(file.get_tensor(name).tobytes())
    return digest.hexdigest()
