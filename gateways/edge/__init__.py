"""The edge gateway of a site: HL7 over MLLP and DICOM towards the site, queues towards the cloud, a durable spool between them."""

VERSION = "0.1.0"
