"""Orders, appointments, exams, the worklist and what the modality says of it (MPPS)."""
