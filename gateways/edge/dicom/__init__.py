"""DICOM at the edge: matching, data sets and MPPS rules free of any transport, and the server that carries them."""
