"""The patient: traits, identifiers, identity status. INSi and the INS come with their first use."""
