"""The items of IQR that a person has to answer; the questions are in standards/questions.yaml."""

from trustprobe.judging.questions import question_cases

globals().update(question_cases("IQR", __name__))
