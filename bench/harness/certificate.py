"""The certificate that all proxies show, made afresh for each run."""

import os
import subprocess

from .processes import BenchError


def make_certificate(folder):
    """Makes an ECDSA P-256 key and its certificate for loopback; returns the paths by their names in configurations."""
    chain, key, both = (os.path.join(folder, name) for name in ("chain.pem", "key.pem", "both.pem"))
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    done = subprocess.run(command + ["-keyout", key, "-out", chain], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"openssl cannot make a certificate: {done.stderr.strip()[-200:]}")
    # HAProxy wants both in one file.
    with open(both, "w", encoding="ascii", opener=private) as output:
        for part in (chain, key):
            with open(part, encoding="ascii") as file:
                output.write(file.read())
    return {"CHAIN": chain, "KEY": key, "CHAIN_AND_KEY": both}


def private(path, flags):
    """Opens a file that nobody else may read."""
    return os.open(path, flags, 0o600)
