"""What the portal hands out with a new pair: every file and program works as it stands, inside and outside."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.clients.running import Desk
from tests.clients.site import DOMAIN, EXT_DOMAIN, TENANCY, Site
from tests.serving import Key

from holdfast.admin import client_files
from holdfast.admin.client_files import Access, Side
from holdfast.admin.endpoints import Serving
from holdfast.config import Address
from holdfast.portal.tokens.handout import AUTHORITY_FILE, Handout, Sheet, access_of, handouts, hosts_line
from holdfast.portal.tokens.snippets import Place

DOCS = Path(__file__).resolve().parents[2] / "docs"
SIDES = pytest.mark.parametrize("side", list(Side), ids=[side.value for side in Side])


def access(key: Key) -> Access:
    return access_of(serving(), TENANCY, "us-east-1", key.token, key.secret)


def serving() -> Serving:
    return Serving(DOMAIN, EXT_DOMAIN, (Address("0.0.0.0", 80),), (Address("0.0.0.0", 443),), True)


def handout(key: Key, side: Side, place: Place) -> Handout:
    (found,) = [each for each in handouts(access(key), serving(), place) if each.side is side]
    return found


def sheet(sheets: object, label: str) -> Sheet:
    assert isinstance(sheets, list)
    (found,) = [each for each in sheets if each.label == label]
    assert isinstance(found, Sheet)
    return found


def s3cfg_of(side: Side) -> str:
    """What the settings file of s3cmd is downloaded as: both may lie in one folder."""
    return "s3cfg-ext" if side is Side.OUTSIDE else "s3cfg"


class Person:
    """A person of the site who downloaded everything into one folder, with nothing trusted but by ca.pem."""

    def __init__(self, site: Site, home: Path, key: Key, side: Side, place: Place) -> None:
        # A store of authorities that knows nobody: else a file without its line for the authority would work.
        self.desk = Desk(
            home,
            {"SSL_CERT_FILE": str(home / "nobody.pem"), "SSL_CERT_DIR": str(home / "nobody")},
            prefix=[*site.prefix, "env", f"--chdir={home}"],
        )
        self.desk.write("nobody.pem", "")
        self.desk.write(AUTHORITY_FILE, site.store.ca.read_bytes())
        self.handout = handout(key, side, place)
        for each in (*self.handout.files, *self.handout.programs):
            if each.filename:
                self.desk.write(each.filename, each.code)

    def run(self, line: str, **environment: str) -> str:
        return self.desk.run(line, environment)


@pytest.fixture(scope="module")
def key(the_site: Site) -> Key:
    return the_site.store.make_key(TENANCY, "alice")


@pytest.fixture(scope="module")
def bucket(the_site: Site, key: Key, tmp_path_factory: pytest.TempPathFactory) -> str:
    desk = the_site.desk(tmp_path_factory.mktemp("maker"))
    desk.write(".s3cfg", client_files.s3cfg(access(key), Side.INSIDE))
    desk.use("s3cmd-debian").run("s3cmd mb s3://radar && echo rain | s3cmd put - s3://radar/first.txt")
    return "radar"


@pytest.fixture
def person(the_site: Site, tmp_path: Path, key: Key, bucket: str, side: Side) -> Person:
    return Person(the_site, tmp_path / "person", key, side, Place(bucket))


@SIDES
@pytest.mark.parametrize("program", ["s3cmd", "s3cmd-debian"])
def test_s3cmd_works_with_the_downloaded_file(person: Person, side: Side, program: str) -> None:
    person.desk.use(program)
    assert "s3://radar" in person.run(f"s3cmd -c {s3cfg_of(side)} ls")
    person.run(f"cp {s3cfg_of(side)} ~/.s3cfg && echo snow > results.nc")
    listed = person.run("set -e; " + sheet(person.handout.programs, "s3cmd").code + "s3cmd ls s3://radar/")
    assert "s3://radar/first.txt" in listed
    assert "s3://radar/results.nc" in listed


@SIDES
@pytest.mark.parametrize("program", ["s3cmd", "s3cmd-debian"])
def test_s3cmd_works_in_any_folder_after_the_lines_of_the_guides(person: Person, side: Side, program: str) -> None:
    guides = [
        (DOCS / page).read_text().partition("mv ~/Downloads/ca.pem")[2].partition("s3cmd ls\n")[0]
        for page in ("how-to/make-a-token.md", "tutorials/use-the-portal.md")
    ]
    inside = ["mv ~/Downloads/s3cfg ~/.s3cfg && chmod 600 ~/.s3cfg"]
    assert inside[0] in (DOCS / "how-to/make-a-token.md").read_text()
    person.desk.use(program)
    for lines in [f"mv ~/Downloads/ca.pem{text}" for text in guides] if side is Side.OUTSIDE else inside:
        person.run("mkdir -p ~/Downloads ~/elsewhere && cp ca.pem s3cfg* ~/Downloads/")
        listed = person.run(f"set -e; {lines}\ncd ~/elsewhere; s3cmd ls; stat -c mode=%a ~/.s3cfg; rm ~/.s3cfg")
        assert "s3://radar" in listed
        assert "mode=600" in listed


@pytest.mark.parametrize("side", [Side.OUTSIDE], ids=["outside"])
def test_the_notes_of_the_page_make_settings_that_work_in_any_folder(person: Person) -> None:
    person.desk.use("aws", "s3cmd")
    for label in ("s3cmd", "AWS config"):
        line = re.search(r"sed .*?(?=[.;] )", sheet(person.handout.files, label).note)
        assert line is not None
        person.run(f"mkdir -p ~/.aws ~/elsewhere && cp credentials ~/.aws/ && {line[0]}")
    then = sheet(person.handout.files, "AWS config").note.partition("then: ")[2]
    assert person.run(f"cd ~/elsewhere && s3cmd ls && {then}").count("radar") == 2


@SIDES
def test_rclone_works_with_the_downloaded_remote(person: Person) -> None:
    person.desk.use("rclone")
    line = sheet(person.handout.files, "rclone").note.partition("then: ")[2]
    assert "radar" in person.run(line, RCLONE_CONFIG="rclone.conf")


@SIDES
def test_aws_works_with_the_downloaded_profile(person: Person) -> None:
    person.desk.use("aws")
    person.run("mkdir ~/.aws && cp config credentials ~/.aws/")
    line = sheet(person.handout.files, "AWS config").note.partition("then: ")[2]
    assert "radar" in person.run(line)
    assert "X-Amz-Algorithm=AWS4" in person.run(line.replace("ls", "presign s3://radar/first.txt"))


@SIDES
def test_aws_boto3_and_s3fs_work_with_the_downloaded_environment(person: Person) -> None:
    person.desk.use("aws")
    assert "radar" in person.run(". ./env && mkdir -p elsewhere && cd elsewhere && aws s3 ls")
    code = "import boto3; print(boto3.client('s3').head_bucket(Bucket='radar')['BucketRegion'])"
    assert person.run(f'. ./env && python3 -c "{code}"') == "us-east-1\n"
    code = "import s3fs; print('radar' in s3fs.S3FileSystem().ls(''))"
    assert person.run(f'. ./env && python3 -c "{code}"') == "True\n"


@SIDES
def test_mc_works_after_the_printed_commands(person: Person) -> None:
    person.desk.use("mc")
    mc = sheet(person.handout.files, "mc")
    person.run("set -e; " + mc.code)
    assert "radar" in person.run(mc.note.partition("Then: ")[2])


@SIDES
def test_curl_lists_the_buckets_by_the_printed_line(person: Person) -> None:
    assert "<Name>radar</Name>" in person.run("set -e; " + sheet(person.handout.files, "curl").code)


@SIDES
@pytest.mark.parametrize("program", ["zarr2.py", "zarr3.py"])
def test_the_xarray_programs_write_and_open_a_zarr_store(person: Person, side: Side, program: str) -> None:
    printed = person.run(f"python3 {program}")
    assert "tas" in printed
    assert "(time: 2, lat: 3)" in printed
    person.desk.use("s3cmd")
    listed = person.run(f"s3cmd -c {s3cfg_of(side)} ls s3://radar/example.zarr/")
    assert ("zarr.json" in listed) == (program == "zarr3.py")


@SIDES
def test_the_boto3_program_lists_buckets_and_keys(person: Person) -> None:
    lines = person.run("python3 list_boto3.py").splitlines()
    assert "radar" in lines
    assert "first.txt 5" in lines


@SIDES
def test_the_obstore_program_lists_keys(person: Person) -> None:
    # Inside, too: it does not start where the machine knows no authority at all.
    assert "first.txt 5" in person.run("python3 list_obstore.py", SSL_CERT_FILE=AUTHORITY_FILE).splitlines()


@SIDES
def test_a_narrow_read_only_pair_gets_programs_that_stay_below_its_prefix(
    the_site: Site, tmp_path: Path, key: Key, bucket: str, side: Side
) -> None:
    Person(the_site, tmp_path / "maker", key, side, Place(bucket, "cmip6/")).run("python3 zarr2.py")
    narrow = the_site.store.make_key(TENANCY, "alice", None, read_only=True, buckets=[bucket], prefixes=["cmip6/"])
    reader = Person(the_site, tmp_path / "reader", narrow, side, Place(bucket, "cmip6/", writes=False))
    assert "tas" in reader.run("python3 zarr2.py")
    assert "cmip6/example.zarr/.zmetadata" in reader.run("python3 list_boto3.py")
    reader.desk.use("s3cmd")
    assert "example.zarr" in reader.run(
        f"cp {s3cfg_of(side)} ~/.s3cfg; set -e; " + sheet(reader.handout.programs, "s3cmd").code
    )


def test_the_credentials_file_is_the_seeds_word_for_word(key: Key) -> None:
    for side, url in ((Side.INSIDE, f"http://{TENANCY}.{DOMAIN}"), (Side.OUTSIDE, f"https://{TENANCY}.{EXT_DOMAIN}")):
        document = json.loads(client_files.credentials(access(key), side))
        assert list(document.items()) == [("token", key.token), ("secret", key.secret), ("endpoint_url", url)]


def test_where_the_world_trusts_the_endpoint_no_file_speaks_of_an_authority(tmp_path: Path) -> None:
    trusted = serving()._replace(tls_dir=tmp_path)
    given = access_of(trusted, TENANCY, "us-east-1", "TOKEN", "SECRET")
    texts = [
        each.code + each.note for one in handouts(given, trusted, Place("b")) for each in (*one.files, *one.programs)
    ]
    assert len(texts) == 26
    assert not [text for text in texts if AUTHORITY_FILE in text or "CA_BUNDLE" in text or "SSL_CERT" in text]


def test_only_sides_that_are_served_are_handed_out() -> None:
    inside_only = serving()._replace(s3_tls=())
    given = access_of(inside_only, TENANCY, "us-east-1", "TOKEN", "SECRET")
    assert [each.side for each in handouts(given, inside_only, Place("b"))] == [Side.INSIDE]


def test_a_store_below_localhost_says_what_the_hosts_file_needs() -> None:
    local = serving()._replace(domain="s3.localhost", ext_domain="s3-ext.localhost")
    assert hosts_line(local, "ocean-o") == "127.0.0.1 ocean-o.s3.localhost ocean-o.s3-ext.localhost"
    assert hosts_line(serving()._replace(domain="s3.example.org", ext_domain="localhost.example.org"), "ocean-o") == ""


def test_an_alias_of_mc_begins_with_a_letter() -> None:
    given = access_of(serving(), "3d-models-o", "us-east-1", "TOKEN", "SECRET")
    assert client_files.alias_of(given, Side.OUTSIDE) == "os-3d-models-o-ext"
