"""An S3 server with IAM checked (moto), for the Rust tests: prints what they need as one line of JSON, and ends with stdin.

Users are named after the permission that they lack; `admin` lacks none.
"""

import json
import os
import sys

# The first three requests make the user whom all later ones are checked against.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "3"

import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

BUCKET = "acme"
ACTIONS = [
    "s3:PutObject",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListBucketMultipartUploads",
]


def policy(actions: list[str]) -> str:
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_user(iam, name: str, actions: list[str]) -> dict[str, str]:
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(actions))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def main() -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"

    def client(service: str, key: str = "nobody", secret: str = "nobody"):
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )

    admin = make_user(client("iam"), "admin", ["s3:*", "iam:*"])
    client("s3", **admin).create_bucket(Bucket=BUCKET)
    iam = client("iam", **admin)
    users = {"admin": admin}
    for lacking in ACTIONS:
        users[lacking] = make_user(iam, lacking.removeprefix("s3:"), [action for action in ACTIONS if action != lacking])
    print(json.dumps({"endpoint": endpoint, "bucket": BUCKET, "users": users}), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
