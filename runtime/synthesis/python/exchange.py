"""How a script of this folder is asked and answers: JSON in a file, JSON into a file.

script.py REQUEST ANSWER. What the script has to refuse is {"refused": reason, "detail": ...}.
"""
import json
import os
import sys
import traceback


class Refused(Exception):
    def __init__(self, reason, detail=""):
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def serve(work):
    request_path, answer_path = map(os.path.abspath, sys.argv[1:3])  # a script may go elsewhere
    with open(request_path, encoding="utf-8") as file:
        request = json.load(file)
    try:
        answer = work(request)
    except Refused as refused:
        answer = {"refused": refused.reason, "detail": refused.detail}
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(last.filename)}:{last.lineno} in {last.name}"
        answer = {"broken": " ".join(f"{type(error).__name__}: {error} ({place})".split())}
    with open(answer_path, "w", encoding="utf-8") as file:
        json.dump(answer, file, ensure_ascii=True)
