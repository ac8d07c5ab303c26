"""The agenda's pages: the day by room, requests, booking, worklist, exam, parked messages."""
