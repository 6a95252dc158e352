import pytest

from crossemo.corpora import corpus_classes
from crossemo.emotions import WORDS
from crossemo.judging.spellings import word_of

ADJECTIVES = [
    *("neutral", "calm", "happy", "sad"),
    *("angry", "fearful", "disgust", "surprised"),
]
# Labels of published models, in this order: what `config.json`, or a table of tokens
# beside it, says of superb/wav2vec2-base-superb-er and ehcalabres/wav2vec2-lg-xlsr-en-
# speech-emotion-recognition, of classifiers of CREMA-D, AESDD and FER2013, and of
# emotion2vec_plus.
PUBLISHED = {
    "superb": "neu - hap sad ang - - -",
    "ehcalabres": "neutral calm happy sad angry fearful disgust surprised",
    "nouns": "Neutral Calm Happiness Sadness Anger Fear Disgust Surprise",
    "all nouns": "Neutrality Calmness Joy Sadness ANGER Fear Disgust Surprise",
    "CREMA-D": "NEU - HAP SAD ANG FEA DIS -",
    "AESDD": "- - happiness sadness anger fear disgust -",
    "FER2013": "neutral - happy sad angry fear disgust surprise",
    "by sex": "male_neutral female_calm male_happy female_sad male_angry female_fear "
    "male_disgust female_surprise",
    "by number": "01-neutral 02-calm 03-happy 04-sad 05-angry 06-fearful 07-disgust "
    "08-surprised",
    "emotion2vec": "中立/neutral - 开心/happy 难过/sad 生气/angry 恐惧/fearful "
    "厌恶/disgusted 吃惊/surprised",
}


@pytest.mark.parametrize("model", PUBLISHED)
def test_labels_of_published_models_are_known_by_name(model: str) -> None:
    labels = PUBLISHED[model].split()
    said = [None if one == "-" else word_of(one) for one in labels]
    pairs = zip(labels, ADJECTIVES, strict=True)
    assert said == [None if one == "-" else word for one, word in pairs]


@pytest.mark.parametrize(
    "label",
    [
        *("excited", "LABEL_0", "other", "happy/sad", "", "ps", "<unk>", "其他/other"),
        *("neutral_calm", "non-neutral-male", "not angry", "happy/excited", "male"),
        *("anxiety", "boredom", "pleasant_surprise", "positive", "03"),
    ],
)
def test_what_is_no_emotion_for_sure_has_no_word(label: str) -> None:
    assert word_of(label) is None


def test_every_word_means_itself() -> None:
    assert [word_of(word) for word in WORDS] == list(WORDS)
    assert [word_of(f" {word.upper()} ") for word in WORDS] == list(WORDS)


def test_no_corpus_means_another_emotion_by_the_same_label() -> None:
    pairs = {
        (label, word)
        for corpus in corpus_classes().values()
        for label, word in corpus.words.items()
    }
    assert len(pairs) > 20
    known = {(label, word_of(label)) for label, _ in pairs if word_of(label)}
    assert len(known) > 10
    assert known <= pairs
