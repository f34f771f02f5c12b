"""The items of PEA that a person must answer. The questions are in standards/questions.yaml."""

from trustprobe.judging.questions import question_cases

globals().update(question_cases("PEA", __name__))
