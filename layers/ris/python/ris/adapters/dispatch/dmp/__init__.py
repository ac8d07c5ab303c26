"""The DMP on the wire: VIHF, lot signature, ITI-41, ITI-18, TD0.2. Shapes only; when and what to send is the application's."""
