"""Classification of complaints: category, language and signals. `lexicon` implements the interface `Classifier`."""

from services.triage.classifier.interface import TEXT_MAX, Classification, Classifier, ComplaintText

__all__ = ["TEXT_MAX", "Classification", "Classifier", "ComplaintText"]
