"""Says what a complaint is. The seam is `Classifier`; the first one behind it counts words of the rulebook."""

from services.triage.classifier.interface import TEXT_MAX, Classification, Classifier, ComplaintText

__all__ = ["TEXT_MAX", "Classification", "Classifier", "ComplaintText"]
