"""Lets xms-client 3.2.14 be imported: it names parameters `async`, a reserved word since Python 3.7.

Renames that identifier in memory while the package is imported; its files stay as published, and nothing is cached.
"""

import importlib.abc
import importlib.machinery
import io
import re
import sys
import tokenize

PACKAGE, WORD = "xms_client", "async"


def renamed(source):
    """`source` with every name `async` followed by an underscore; strings and comments keep theirs."""
    if not re.search(rf"\b{WORD}\b", source):
        return source
    lines = source.splitlines(keepends=True)
    names = [token.start for token in tokenize.generate_tokens(io.StringIO(source).readline)
             if token.type == tokenize.NAME and token.string == WORD]
    for row, column in reversed(names):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + WORD + "_" + line[column + len(WORD):]
    return "".join(lines)


class Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname):
        path = self.get_filename(fullname)
        return self.source_to_code(renamed(self.get_source(fullname)), path)


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path, target=None):
        if fullname.partition(".")[0] != PACKAGE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


sys.meta_path.insert(0, Finder())
