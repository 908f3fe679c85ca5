"""How each client is told to trust the local authority of the outside endpoint: data for the page and for the tests.

In the commands `$CA` is the authority's certificate and `$OUTSIDE` the endpoint; the key is in the environment.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_BOTO3 = "python3 -c \"import boto3, os; boto3.client('s3', endpoint_url=os.environ['OUTSIDE']).list_buckets()\""
_S3FS = (
    'python3 -c "import s3fs, os; s3fs.S3FileSystem.retries = 1;'
    " s3fs.S3FileSystem(client_kwargs={'endpoint_url': os.environ['OUTSIDE']}).ls('')\""
)
_S3CMD = (
    'printf "access_key = $TOKEN\\nsecret_key = $SECRET\\nhost_base = ${OUTSIDE#https://}\\n'
    'host_bucket = ${OUTSIDE#https://}\\nuse_https = True\\n" > ~/.s3cfg; '
)
_MC = 'MC_HOST_store="https://$TOKEN:$SECRET@${OUTSIDE#https://}" mc ls store'
_RCLONE = "RCLONE_CONFIG=/dev/null rclone --retries 1 --low-level-retries 1 lsd \":s3,provider=Other,env_auth=true,force_path_style=true,endpoint='$OUTSIDE':\""


class Trust(NamedTuple):
    """One way for one client. `refused` is what it does without, `trusted` what it does with it."""

    clients: str
    how: str
    """For the page."""
    program: str
    """Of tools.py, or empty."""
    refused: str
    trusted: str


TABLE: Final = (
    Trust("boto3, botocore", "`export AWS_CA_BUNDLE=ca.pem`", "", _BOTO3, f'export AWS_CA_BUNDLE="$CA"; {_BOTO3}'),
    Trust("s3fs, xarray", "`export AWS_CA_BUNDLE=ca.pem`", "", _S3FS, f'export AWS_CA_BUNDLE="$CA"; {_S3FS}'),
    Trust(
        "aws-cli",
        "`aws --ca-bundle ca.pem`, or `ca_bundle = ca.pem` in a profile of `~/.aws/config`",
        "aws",
        'aws --endpoint-url "$OUTSIDE" s3 ls',
        'aws --endpoint-url "$OUTSIDE" --ca-bundle "$CA" s3 ls;'
        ' mkdir ~/.aws; printf "[default]\\nca_bundle = $CA\\n" > ~/.aws/config; aws --endpoint-url "$OUTSIDE" s3 ls',
    ),
    Trust(
        "s3cmd",
        "`ca_certs_file = ca.pem` in `~/.s3cfg`",
        "s3cmd",
        f"{_S3CMD} s3cmd ls",
        f'{_S3CMD} echo "ca_certs_file = $CA" >> ~/.s3cfg; s3cmd ls',
    ),
    Trust(
        "s3cmd of Debian",
        "`ca_certs_file = ca.pem` in `~/.s3cfg`",
        "s3cmd-debian",
        f"{_S3CMD} s3cmd ls",
        f'{_S3CMD} echo "ca_certs_file = $CA" >> ~/.s3cfg; s3cmd ls',
    ),
    Trust(
        "mc", "`cp ca.pem ~/.mc/certs/CAs/`", "mc", _MC, f'mkdir -p ~/.mc/certs/CAs; cp "$CA" ~/.mc/certs/CAs/; {_MC}'
    ),
    Trust("rclone", "`rclone --ca-cert ca.pem`, or `RCLONE_CA_CERT`", "rclone", _RCLONE, f'{_RCLONE} --ca-cert "$CA"'),
    Trust(
        "curl",
        "`curl --cacert ca.pem`",
        "",
        'curl --silent --show-error --fail "$OUTSIDE/health/ready"',
        'curl --silent --show-error --fail --cacert "$CA" "$OUTSIDE/health/ready"',
    ),
)

SYSTEM_HOW: Final = "`cp ca.pem /usr/local/share/ca-certificates/holdfast.crt && update-ca-certificates`, as root"
SYSTEM_STORE: Final = {
    "s3cmd": "s3cmd ls",
    "s3cmd-debian": "s3cmd ls",
    "mc": "mc ls store",
    "rclone": "rclone lsd \":s3,provider=Other,env_auth=true,force_path_style=true,endpoint='$OUTSIDE':\"",
    "": 'curl --silent --show-error --fail "$OUTSIDE/health/ready"',
}
"""Who believes the machine's own store: a client of tools.py (empty: curl), and its command. Python's clients don't."""

BROWSERS_HOW: Final = "Firefox: Settings, Certificates, Authorities, Import; Chromium: Settings, Security, Manage certificates. By hand, untested."
