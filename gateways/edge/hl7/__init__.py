"""HL7 v2 over MLLP: framing, the message header, acknowledgements, the listener and the ordered outbound queues."""
