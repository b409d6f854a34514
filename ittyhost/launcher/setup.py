"""`python -m ittyhost.launcher.setup`: what must be done before the processes start, any number of times.

The settings are checked, then what they name; only then come the bucket where it is an S3 one that does not exist,
migrations, and the first organisation, project, keys and admin user. `make run` and docker-compose.yml run it; on a
fleet it runs once per release, before the other processes.

Exits 2, with one line for each setting that cannot be used, before anything was changed.
"""

import os
import sys

BAD_SETTING = 2
S3_EXISTS = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def make_bucket() -> None:
    """Create the S3 bucket of BUCKET_URL where it is missing; a folder is made by the storage itself."""
    from django.conf import settings

    if not settings.BUCKET_URL.startswith("s3://"):
        return
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    name = settings.BUCKET_URL.removeprefix("s3://").partition("/")[0]
    client = boto3.client(
        "s3",
        endpoint_url=settings.S3_ENDPOINT_URL or None,
        region_name=settings.S3_REGION,
        aws_access_key_id=settings.S3_ACCESS_KEY_ID or None,
        aws_secret_access_key=settings.S3_SECRET_ACCESS_KEY or None,
        config=Config(
            s3={"addressing_style": "path" if settings.S3_PATH_STYLE else "auto"},
            connect_timeout=10,
            read_timeout=30,
            retries={"max_attempts": 5, "mode": "standard"},
        ),
    )
    try:
        client.head_bucket(Bucket=name)
    except ClientError as exc:
        if exc.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise  # it is there and not ours, or the keys are wrong: creating cannot help
        where = {} if settings.S3_REGION == "us-east-1" else {"LocationConstraint": settings.S3_REGION}
        try:
            client.create_bucket(Bucket=name, **({"CreateBucketConfiguration": where} if where else {}))
        except ClientError as race:
            if race.response["Error"]["Code"] not in S3_EXISTS:
                raise
    finally:
        client.close()


class Refused(Exception):
    """Settings that cannot be used: a line for each."""


def check(*tags: str) -> None:
    """Run the checks of these tags, and tell their warnings. Raises Refused."""
    from ittyhost.checks import problems

    errors, warnings = problems(*tags)
    for line in warnings:
        print(line, file=sys.stderr)
    if errors:
        raise Refused("\n".join(errors))


def prepare() -> None:
    """All of it. Raises Refused, or ImproperlyConfigured of a value that cannot even be read."""
    import django
    from django.core.management import call_command

    django.setup()
    from botocore.exceptions import BotoCoreError, ClientError

    from ittyhost.checks import DEVICES, MODELS, PARTS, SERVERS, SETTINGS, models_told

    check(SETTINGS)
    check(SERVERS)
    try:
        make_bucket()
    except (BotoCoreError, ClientError, ValueError) as exc:
        raise Refused("BUCKET_URL: the S3 store cannot be used: " + " ".join(str(exc).split())) from exc
    check(PARTS)
    check(MODELS)
    check(DEVICES)
    print(models_told(), flush=True)
    print("Preparing the database …", flush=True)
    # Their words are for the log; what goes to stdout is for the person who waits.
    call_command("migrate", interactive=False, stdout=sys.stderr)
    call_command("bootstrap", stdout=sys.stderr)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ittyhost.settings")
    from django.core.exceptions import ImproperlyConfigured

    try:
        prepare()
    except (Refused, ImproperlyConfigured) as exc:
        print(exc, file=sys.stderr)
        return BAD_SETTING
    return 0


if __name__ == "__main__":
    sys.exit(main())
