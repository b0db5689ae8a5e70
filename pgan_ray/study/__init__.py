"""What a sweep has to say, read once from its directory: its axes and series, their numbers, and the paper's claims.

`study` reads, `series` names what varies, `paper` is what the paper states and `verdicts` what becomes of it here;
`compare` sets several sweeps side by side. Draws nothing.
"""
