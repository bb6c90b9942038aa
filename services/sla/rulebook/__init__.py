"""What a draft would do before anybody switches it on: a dry run over what is open, a back-test over what was.

Both only read. A dry run asks what a publication would move today; a back-test what would have happened if the draft
had always been in force.
"""
