"""What the DMP received, as files a person can open: the CDA, the PDF inside it, its pages as images."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pypdfium2

RENDERING = threading.Lock()
"""PDFium is not safe between threads."""
SCALE = 1.5


class Received:
    """Two folders of documents by uniqueId."""

    def __init__(self, *, cda: Path | str, pdf: Path | str) -> None:
        self._cda, self._pdf = Path(cda), Path(pdf)
        for folder in (self._cda, self._pdf):
            folder.mkdir(parents=True, exist_ok=True)

    def keep(self, unique_id: str, cda: bytes, pdf: bytes) -> None:
        """Write `<uniqueId>.xml`, `.pdf` and one `-n.png` a page; the id was checked to be an OID."""
        _write(self._cda / f"{unique_id}.xml", cda)
        if not pdf:
            return
        _write(self._pdf / f"{unique_id}.pdf", pdf)
        with RENDERING:
            document = pypdfium2.PdfDocument(pdf)
            try:
                for index in range(len(document)):
                    target = self._pdf / f"{unique_id}-{index + 1}.png"
                    beside = target.with_name(f".{target.name}.{os.getpid()}")
                    document[index].render(scale=SCALE).to_pil().save(beside, format="PNG")
                    beside.rename(target)
            finally:
                document.close()


def readable(pdf: bytes) -> bool:
    """Tell whether a PDF has a page that can be drawn."""
    with RENDERING:
        try:
            document = pypdfium2.PdfDocument(pdf)
        except pypdfium2.PdfiumError:
            return False
        try:
            return len(document) > 0
        finally:
            document.close()


def _write(target: Path, content: bytes) -> None:
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.rename(target)
