"""What a YAML file of config/ may say: one pydantic model per kind of file, and the reader. No behaviour.

`rawm.study` loads the files and puts a study together.
"""
