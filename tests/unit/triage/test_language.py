"""Language detection: by script, by stop words, by model, and by the stated locale for short texts."""

import pytest

from services.triage.classifier.chinese_script import SIMPLIFIED, TRADITIONAL
from services.triage.classifier.language import Languages
from services.triage.classifier.stopwords import index_stopwords, language_by_stopwords
from shared.errors import Misconfigured


@pytest.mark.parametrize(
    ("text", "stated", "language"),
    [
        ("ok", "nb-NO", "nb"),
        ("ok", None, "en"),
        ("", "vi", "vi"),
        ("12345", "tr-TR", "tr"),
        ("hello there", "id_ID", "id"),
        ("Where is my parcel, it never came?", "id-ID", "en"),
        ("Où est mon colis, il n'est jamais arrivé !", "fr-FR", None),  # not configured: any language, but no error
        ("帮我看看这个订单", None, "zh-Hans"),
        ("幫我看看這個訂單", None, "zh-Hant"),
        ("取消", "zh-TW", "zh-Hant"),
        ("取消", "zh-HK", "zh-Hant"),
        ("取消", "zh-Hant-TW", "zh-Hant"),
        ("取消", "zh-CN", "zh-Hans"),
        ("取消", None, "zh-Hans"),
        ("iPhone 手機壞了", None, "zh-Hant"),
        ("Где је мој пакет", None, "sr-Cyrl"),
        ("Gde je moj paket, nije stigao", "sr-Cyrl-RS", "sr-Latn"),
        ("hvala", "sr", "sr-Cyrl"),
        ("hvala", "sr-Latn", "sr-Latn"),
        ("eg har ikkje fått pakka", "nn-NO", "nb"),
        ("tak", "no", "nb"),
        ("merhaba", "xx-??-not-a-locale", None),
    ],
)
def test_a_language_is_detected_from_the_text_and_the_stated_locale(languages, text, stated, language) -> None:
    detected = languages.detect(text, stated)
    assert detected in languages._tags
    assert language is None or detected == language


def test_only_configured_languages_are_ever_detected() -> None:
    few = Languages(["nb", "sr-Latn"])
    assert few.detect("Where is my parcel, it never came?", "en") in {"nb", "sr-Latn"}
    assert few.detect("Где је мој пакет", None) == "sr-Latn"
    assert few.detect("我的包裹没有收到", None) in {"nb", "sr-Latn"}


def test_a_language_without_a_model_stops_the_start() -> None:
    with pytest.raises(Misconfigured, match="qq"):
        Languages(["en", "qq"]).load()
    with pytest.raises(Misconfigured):
        Languages([])


def test_no_character_belongs_to_both_chinese_scripts() -> None:
    assert not SIMPLIFIED & TRADITIONAL
    assert len(SIMPLIFIED) > 80
    assert len(TRADITIONAL) > 80


LATIN = ("en", "id", "vi", "nb", "sr", "tr", "zh")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The parcel was not there", "en"),
        ("Saya sudah menunggu tetapi tidak ada kabar dari kurir", "id"),
        ("Jeg har ventet og ikke hørt noe", "nb"),
        ("Paket je stigao bez računa, što nisam tražila", "sr"),
        ("Bir hafta oldu ve ürün daha gelmedi", "tr"),
        ("the end", None),
        ("The parcel was not there, jeg venter fortsatt", None),
        ("", None),
    ],
)
def test_three_stop_words_of_one_language_decide_and_no_fewer(text, language) -> None:
    assert language_by_stopwords(index_stopwords(LATIN), text) == language


def test_stop_words_are_not_used_with_a_language_that_has_none() -> None:
    assert not index_stopwords([*LATIN, "de"])
    assert set(index_stopwords(["nb", "zh"]).values()) == {"nb"}


@pytest.mark.parametrize("word", ["da", "i", "for", "her", "dan", "to", "var", "vi", "bu", "ali"])
def test_a_word_of_several_languages_is_not_a_stop_word(word) -> None:
    assert word not in index_stopwords(LATIN)
