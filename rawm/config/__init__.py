"""Data models of the YAML files in config/, one pydantic model per kind of file, and their reader. No behaviour.

`rawm.study` loads the files and puts a study together.
"""
