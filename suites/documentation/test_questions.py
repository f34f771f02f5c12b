"""The items of DOC that a person has to answer; the questions are in standards/questions.yaml."""

from trustprobe.judging.questions import question_cases

globals().update(question_cases("DOC", __name__))
