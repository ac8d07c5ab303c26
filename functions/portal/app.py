"""The HTTP function: every page and its JSON (design, decision 3). Routes, gate and templates are in `ris.portal`."""

from ris.bootstrap.portal import services, settings
from ris.portal.app import Portal

handler = Portal(services, settings())
