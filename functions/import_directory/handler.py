"""Schedule: the newest extract of the national directory is taken up."""

from __future__ import annotations

from ris.application.dispatch.import_directory import import_directory
from ris.bootstrap.mail import directory_services
from ris.contracts.tasks import ImportDirectoryInput, ImportDirectoryOutput
from ris.observability import LogReference, log, task


@task("import_directory")
def handler(_event: ImportDirectoryInput) -> ImportDirectoryOutput:
    """Import the newest extract, unless it stands already."""
    done = import_directory(directory_services())
    log(LogReference.IMPORT_DIRECTORY_001, count=done.written)
    if done.unreadable:
        log(LogReference.IMPORT_DIRECTORY_002, count=done.unreadable)
    return ImportDirectoryOutput(written=done.written, unreadable=done.unreadable)
