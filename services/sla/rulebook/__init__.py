"""The life of a rulebook before it is in force: draft, dry run over open complaints, back-test, publication.

Rehearsals only read. A dry run computes what a publication would change today; a back-test computes what would have
happened if the draft had always been in force.
"""
