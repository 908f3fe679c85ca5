"""What every test stands on: no setting of the machine that runs it reaches a client or the store."""

from __future__ import annotations

import os

import hypothesis
import structlog

# Credentials, regions, certificate bundles and proxies of the person or machine that runs the tests.
_FOREIGN_PREFIXES = ("AWS_", "BOTO_", "HOLDFAST_", "MC_", "RCLONE_")
_FOREIGN = {f"{scheme}_proxy" for scheme in ("http", "https", "all", "no")} | {"requests_ca_bundle", "curl_ca_bundle"}
_OURS = {"HOLDFAST_TOOLS", "HOLDFAST_TEST_PROCESSES"}
# How long the searches for faults go on, and which one is replayed.
_OURS |= {"HOLDFAST_KILLS", "HOLDFAST_SIMULATION_SEED", "HOLDFAST_SIMULATION_SEEDS", "HOLDFAST_LARGE_BYTES"}

# Before any module reads them: botocore and requests do so at every client they make.
for _name in list(os.environ):
    if _name not in _OURS and (_name.startswith(_FOREIGN_PREFIXES) or _name.lower() in _FOREIGN):
        del os.environ[_name]
# botocore asks the cloud's metadata service for credentials where it finds none.
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

# On a loaded machine a deadline measures the machine. A failure prints the blob that replays it.
hypothesis.settings.register_profile("holdfast", deadline=None, print_blob=True)
hypothesis.settings.load_profile("holdfast")

# Where rich is installed, structlog would print a fault with all locals: seconds for a body of megabytes, on the thread
# that serves it.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)
