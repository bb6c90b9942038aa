"""Classification of complaints: category, language and signals. `Classifier` is the interface; `lexicon` implements it."""

from services.triage.classifier.interface import TEXT_MAX, Classification, Classifier, ComplaintText

__all__ = ["TEXT_MAX", "Classification", "Classifier", "ComplaintText"]
