"""Reads the snippets of a page whose line breaks were lost: each block of code is one line.

A page is prose with blocks of code between, each behind the name of its language, and with requests
named in the prose (a method, a path, and at times a body). Breaks are put back where the languages
leave no choice: behind a comment, which ends where code begins, and between two of Python's
statements. Nothing else is changed, so that what runs is what the page says.
"""

import io
import keyword
import re
import token
import tokenize
from dataclasses import dataclass

LANGUAGES = "python|javascript|typescript|bash"
ALONE = re.compile(rf"^({LANGUAGES})$")
GLUED = re.compile(rf"^({LANGUAGES})(?=[a-z#/])(.+)$")
REQUEST = re.compile(r"(?<![A-Z])(GET|POST|PUT|PATCH|DELETE) (/[\w/.:?=&%-]*[\w}])( \{[^}]*\})?")

# Where code begins again behind a comment.
CODE = {
    "python": r'from \w+ import |import \w|for \w+ in |\w+ = [\w"\[{(]|\w+=["\[{\w]|"[\w-]+":|[)\]}]',
    "javascript": r"import |const |let |for |await |[)\]}]",
}
COMMENT = {"python": "#", "javascript": "//"}


@dataclass(frozen=True)
class Snippet:
    # `python`, `javascript`, `bash`, or `request`.
    language: str
    # Counted from 1 within its language on its page.
    number: int
    code: str


def read(text):
    """The snippets of a page, in its order."""
    found, counts, lines = [], {}, iter(text.splitlines())

    def add(language, code):
        counts[language] = counts.get(language, 0) + 1
        found.append(Snippet(language, counts[language], code))

    requests, names = set(), set(re.findall(r"/(\w+)", text))
    for line in lines:
        line = line.strip()
        if ALONE.match(line):
            add(line, unfold(line, next(lines, "").strip()))
        elif glued := GLUED.match(line):
            add(glued[1], unfold(glued[1], glued[2].strip()))
        else:
            # What prose repeats is one request.
            for match in REQUEST.finditer(line):
                method, path, body = match.groups(default="")
                request = f"{method} {cut(path, names)}{body}"
                if request not in requests:
                    requests.add(request)
                    add("request", request)
    return found


def cut(path, names):
    """A path that lost the space behind it (`/v1/thingsare`): its end is a name that the page has elsewhere."""
    head, _, last = path.rpartition("/")
    shorter = [name for name in names if len(name) > 4 and last.startswith(name) and last[len(name) :].isalpha()]
    return f"{head}/{max(shorter, key=len)}" if shorter else path


def unfold(language, code):
    if language == "bash":
        return code.replace(" \\ ", " \\\n")
    return after_the_change(language, statements(language, comments(language, code)))


def comments(language, code):
    """A line of its own from each comment on to where code begins again."""
    mark, begins = COMMENT[language], re.compile(rf" (?={CODE[language]})")
    out, at, quote = [], 0, None
    while at < len(code):
        letter = code[at]
        if quote:
            if letter == "\\":
                out.append(code[at : at + 2])
                at += 2
                continue
            quote = None if letter == quote else quote
        elif letter in "\"'`":
            quote = letter
        elif code.startswith(mark, at):
            end = begins.search(code, at + len(mark))
            end = end.start() if end else len(code)
            out.append(code[at:end] + "\n")
            at = end + 1
            continue
        out.append(letter)
        at += 1
    return "".join(out)


# Names that go on with what stands before them.
GOES_ON = {"and", "or", "in", "is", "not", "if", "else", "as", "import"}


def statements(language, code):
    if language != "python":
        return code.replace("; ", ";\n")
    lines, breaks, depth, before = code.splitlines(), [], 0, None
    for part in tokenize.generate_tokens(io.StringIO(code).readline):
        if part.type == token.OP:
            depth += (part.string in "([{") - (part.string in ")]}")
        whole = part.type in (token.NAME, token.STRING, token.NUMBER)
        ends = before and (
            before.string in ")]}"
            or before.type in (token.STRING, token.NUMBER)
            or (before.type == token.NAME and not keyword.iskeyword(before.string))
        )
        if depth == 0 and whole and ends and part.string not in GOES_ON:
            breaks.append(part.start)
        before = part
    for row, column in reversed(breaks):
        line = lines[row - 1]
        lines[row - 1] = f"{line[:column].rstrip()}\n{line[column:]}"
    return "\n".join(lines) + "\n"


def after_the_change(language, code):
    """Where a page shows a program before and after: the program after, and what both import."""
    mark = re.escape(COMMENT[language])
    parts = re.split(rf"{mark} (?:Before|After)\b.*\n", code)
    if len(parts) < 3:
        return code
    imported = [line for line in parts[1].splitlines() if re.match(r"(from|import) ", line)]
    known = [line for line in imported if line not in parts[2]]
    return "\n".join([*known, parts[2]])
