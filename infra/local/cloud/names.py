"""The fixed names of the local account."""

ACCOUNT = "123456789012"
REGION = "eu-west-3"
PARTITION = "aws"
HOST = "127.0.0.1"
CODE_BUCKET = "local-code"
"""Bucket that stands for what `sam package` uploads; the key is the path of the folder or file, without its first slash."""


class UnknownToTheLocalCloud(Exception):
    """The template asks for something that the embedded cloud does not do: it stops the start, with the name."""
