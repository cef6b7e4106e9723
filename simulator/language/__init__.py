"""Floor 1: what is particular to a language: its words, its phrases, its sentences. One folder a language.

The code asks for "the backchannels", never for "mm-hm": a second language is a second folder.
"""
