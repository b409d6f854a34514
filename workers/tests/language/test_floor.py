"""What is told without a model: phrases, sentences, facts; the same for the same text, and soon for any."""

import json
import random
import time

import pytest

from workers.engine.probe import Probe
from workers.engine.runner import Silent
from workers.language import ask, floor
from workers.language.facts import fact_sentence, facts_of, length
from workers.language.keyphrases import keyphrases
from workers.language.material import Line, Material
from workers.language.salience import salient
from workers.language.words import language_of, sentences, words
from workers.providers.base import Label, Providers

FACTS = {
    "media_type": "video",
    "duration": 63.2,
    "width": 1280,
    "height": 720,
    "animated": False,
    "sound": True,
    "language": "",
    "tags": {},
}
TEXTS = {
    "en": (
        "Fishing boats leave the small harbour before the sun rises. The fishermen know every rock of the "
        "bay. Later the fishing boats return to the harbour, and the fish market opens. At the fish market "
        "people buy what the boats have brought. The harbour is the heart of the town, and the fish market is "
        "its voice.",
        {"boats", "fish market", "harbour"},
    ),
    "de": (
        "Die Fischerboote verlassen den kleinen Hafen, bevor die Sonne aufgeht. Die Fischer kennen jeden "
        "Felsen der Bucht. Später kehren die Fischerboote in den Hafen zurück, und der Fischmarkt öffnet. Auf "
        "dem Fischmarkt kaufen die Leute, was die Boote gebracht haben. Der Hafen ist das Herz der Stadt, und "
        "der Fischmarkt ist seine Stimme.",
        {"fischerboote", "fischmarkt", "hafen"},
    ),
    "fr": (
        "Les bateaux de pêche quittent le petit port avant le lever du soleil. Les pêcheurs connaissent "
        "chaque rocher de la baie. Plus tard les bateaux rentrent au port, et le marché aux poissons ouvre. "
        "Au marché les gens achètent ce que les bateaux ont apporté. Le port est le cœur de la ville, et le "
        "marché est sa voix.",
        {"bateaux", "marché", "port"},
    ),
    "es": (
        "Los barcos dejan el pequeño puerto antes de que salga el sol. Los pescadores conocen cada roca de la "
        "bahía. Más tarde los barcos vuelven al puerto, y abre el mercado de pescado. En el mercado la gente "
        "compra lo que los barcos han traído. El puerto es el corazón de la ciudad, y el mercado es su voz.",
        {"barcos", "mercado", "puerto"},
    ),
    "ru": (
        "Рыбацкие лодки покидают маленькую гавань до восхода солнца. Рыбаки знают каждую скалу в бухте. Позже "
        "лодки возвращаются в гавань, и открывается рыбный рынок. На рынке люди покупают то, что привезли "
        "лодки. Гавань это сердце города, а рыбный рынок это его голос.",
        {"гавань", "лодки", "рыбный рынок"},
    ),
    "ja": (
        "漁船は日の出前に小さな港を出ます。漁師は湾の岩をすべて知っています。"
        "その後、漁船は港に戻り、魚市場が開きます。魚市場では人々が漁船の魚を買います。"
        "港は町の心で、魚市場はその声です。",
        {"港", "漁船", "魚市場"},
    ),
    "zh": (
        "渔船在日出之前离开小港口。渔民认识海湾的每一块岩石。后来渔船回到港口，鱼市开了。"
        "在鱼市，人们买渔船的鱼。港口是城市的心，鱼市是它的声音。",
        {"渔船", "港口", "鱼市"},
    ),
    "hi": (
        "मछली की नावें सूरज से पहले छोटे बंदरगाह से निकलती हैं। बाद में नावें बंदरगाह में लौटती हैं, और मछली "
        "बाज़ार खुलता है। मछली बाज़ार में लोग वह खरीदते हैं जो नावें लाई हैं। बंदरगाह शहर का दिल है, और मछली "
        "बाज़ार उसकी आवाज़ है।",
        {"नावें", "बंदरगाह", "मछली"},
    ),
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_is_about_what_it_repeats_in_any_language(language):
    text, about = TEXTS[language]
    assert language_of(text) == language
    found = {phrase.text.lower() for phrase in keyphrases(text, language, count=5)}
    assert about <= found, found


def test_japanese_words_are_whole_and_their_endings_no_words():
    text = (
        "今日は京都の歴史についてお話しします。京都は千年以上にわたって日本の首都でした。毎年多くの観光客が金閣寺を訪れます。"
        "春には桜が咲き、京都の料理は繊細で美しいと言われています。祇園祭は京都の大きな祭りです。祇園祭では大きな山車が通ります。"
    )
    found = [phrase.text for phrase in keyphrases(text, "ja", count=30)]
    assert found[0] == "京都"
    assert {"金閣寺", "祇園祭", "観光客", "春", "桜"} <= set(found)
    assert not [phrase for phrase in found if phrase in ("京", "美", "大", "美しい", "大きな")]


def test_chinese_runs_are_parted_around_what_comes_again():
    text = (
        "大家好，今天我们来谈谈人工智能的发展。人工智能正在改变我们的生活。机器学习是人工智能的一个重要分支。"
        "许多公司正在使用机器学习来提高效率。深度学习使用神经网络来处理大量数据。神经网络模仿人脑的结构。"
    )
    found = [phrase.text for phrase in keyphrases(text, "zh", count=6)]
    assert found[0] == "人工智能"
    assert {"机器学习", "神经网络"} <= set(found)
    assert keyphrases("人" * 150_000, "zh", count=6) != []  # no text takes long


def test_sentences_without_a_mark_at_their_end_get_one():
    lines = tuple(Line(float(place), text) for place, text in enumerate(("They return late.", "the boats leave early")))
    made = floor.description_answer(Material(FACTS, lines, "en", 0.9), None)
    assert made["description"].startswith("They return late. the boats leave early. A 63 second")
    assert floor.description_answer(Material(FACTS, (Line(0.0, "船は港を出ます"),), "ja", 0.9), None)[
        "description"
    ] == ("船は港を出ます。")


def test_a_language_without_a_list_is_told_by_short_and_frequent_words():
    text, _ = TEXTS["de"]
    found = {phrase.text.lower() for phrase in keyphrases(f"{text} " * 4, "xx", count=8)}
    assert {"fischerboote", "fischmarkt"} <= found, found


def test_sentences_end_where_people_end_them():
    text = "Dr. Smith paid 3.50 for it. “Too much!” he said… No. 5 is open, e.g. today? 港だ。市場も。\n\nNew part"
    assert sentences(text) == [
        "Dr. Smith paid 3.50 for it.",
        "“Too much!”",
        "he said…",
        "No. 5 is open, e.g. today?",
        "港だ。",
        "市場も。",
        "New part",
    ]


def test_words_keep_what_belongs_to_them():
    assert words("Don't re-use l’eau, 3.14 or हिन्दी; 港は café.") == [
        "Don't",
        "re-use",
        "l’eau",
        "3.14",
        "or",
        "हिन्दी",
        "港",
        "は",
        "café",
    ]


def test_the_sentences_that_say_most_are_told_in_their_order():
    text, _ = TEXTS["en"]
    told = salient(sentences(text), "en", most=140)
    assert told == [
        "Later the fishing boats return to the harbour, and the fish market opens.",
        "At the fish market people buy what the boats have brought.",
    ]


def test_a_sentence_is_not_told_twice():
    found = ["The harbour is open today.", "The harbour is open today!", "Nobody knows the captain's dog."]
    assert salient(found, "en", most=1000) == [found[0], found[2]]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "A 63 second 1280 × 720 video with sound."),
        ({"sound": False}, "A 63 second 1280 × 720 video without sound."),
        ({"language": "de"}, "A 63 second 1280 × 720 video with sound in German."),
        ({"duration": 8.0}, "An 8 second 1280 × 720 video with sound."),
        ({"duration": None, "width": 800}, "An 800 × 720 video with sound."),
        ({"duration": None, "width": 1100}, "A 1100 × 720 video with sound."),
        ({"duration": None}, "A 1280 × 720 video with sound."),
        ({"media_type": "image", "duration": None, "sound": False}, "A 1280 × 720 picture."),
        ({"media_type": "image", "duration": 2.0, "animated": True}, "A 2 second 1280 × 720 animation."),
        ({"media_type": "audio", "width": None, "height": None, "duration": 9000.0}, "A 2 hour 30 minute recording."),
        ({"media_type": "audio", "width": None, "height": None, "duration": None}, "A recording."),
        ({"media_type": "image", "width": None, "height": None, "animated": True, "duration": None}, "An animation."),
    ],
)
def test_facts_are_told_in_a_sentence(changes, sentence):
    assert fact_sentence(FACTS | changes) == sentence


def test_lengths_are_told_as_people_tell_them():
    told = [length(seconds) for seconds in (0.2, 1.4, 119.4, 120, 3600, 7199, 7200, 14_400, 15_000)]
    assert told == [
        "very short",
        "1 second",
        "119 second",
        "2 minute",
        "60 minute",
        "2 hour",
        "2 hour",
        "4 hour",
        "4 hour 10 minute",
    ]


def said(text, heard=0.9, language="en", **more):
    lines = tuple(Line(float(place), sentence) for place, sentence in enumerate(sentences(text)))
    return Material(FACTS, lines, language, heard, **more)


def test_a_description_is_made_of_what_is_said():
    made = floor.description_answer(said(TEXTS["en"][0]), None)
    assert made == {
        "title": "Fish market",
        "description": made["description"],
        "tags": made["tags"],
        "language": "en",
        "confidence": made["confidence"],
        "model": "extractive",
        "model_version": "1",
        "note": "Made without a language model, of words and facts that are there: set LANGUAGE_URL to use one.",
    }
    assert made["description"].endswith(" A 63 second 1280 × 720 video with sound in English.")
    assert all(part in TEXTS["en"][0] for part in sentences(made["description"])[:-1])
    assert made["tags"][0] == {"tag": "fish market", "confidence": 0.9}
    assert {"harbour", "boats"} <= {tag["tag"] for tag in made["tags"]}


def test_a_description_in_another_language_has_no_english_in_it():
    made = floor.description_answer(said(TEXTS["de"][0], language="de"), None)
    assert made["language"] == "de"
    assert all(part in TEXTS["de"][0] for part in sentences(made["description"]))


def test_where_nobody_speaks_what_is_seen_and_written_is_told():
    picture = FACTS | {"media_type": "image", "duration": None, "sound": False}
    labels = (Label("espresso", 0.95), Label("cup", 0.6), Label("plate", 0.1004955))
    made = floor.description_answer(Material(picture, labels=labels, written=("OPEN 24 HOURS", "Cafe Luna")), None)
    assert made["title"] == "OPEN 24 HOURS"
    assert (
        made["description"] == "It shows: espresso, cup. It reads: “OPEN 24 HOURS / Cafe Luna”. A 1280 × 720 picture."
    )
    assert [tag["tag"] for tag in made["tags"]] == ["espresso", "cafe luna", "hours", "cup", "open"]
    assert floor.tags_answer(Material(picture, labels=labels), 0.05)["tags"][-1] == {"tag": "plate", "confidence": 0.1}


def test_nothing_but_facts_is_no_reason_to_be_sure():
    made = floor.description_answer(Material(FACTS), None)
    assert (made["title"], made["description"], made["tags"], made["confidence"]) == (
        "63 second 1280 × 720 video with sound",
        "A 63 second 1280 × 720 video with sound.",
        [],
        0.0,
    )


def test_a_file_is_called_what_it_calls_itself():
    made = floor.description_answer(Material(FACTS | {"tags": {"title": "Harbour at  dawn"}}), None)
    assert made["title"] == "Harbour at dawn"


SECTIONS = [
    "Good morning and welcome. Today the fishing boats leave early. The fishing boats are old.",
    "Now the fish market opens. Everybody at the fish market shouts. Prices are high this morning.",
    "",
    "Now the fish market opens. Everybody at the fish market shouts. Prices are high this morning.",
]


def test_a_clock_or_a_number_in_the_picture_is_no_title():
    made = floor.description_answer(Material(FACTS, written=("00:00:10.000", "17 %", "Gate")), None)
    assert made["title"] == "Gate"
    made = floor.description_answer(Material(FACTS, written=("00:00:10.000",)), None)
    assert made["title"] == "63 second 1280 × 720 video with sound"
    assert made["description"].startswith("It reads: “00:00:10.000”.")


def asked_for_titles(tmp_path, sections, language="en", providers=None):
    content = {"language": language, "sections": [{"start": 0, "end": 1, "text": text} for text in sections]}
    (tmp_path / "sections.json").write_text(json.dumps(content))
    request = {"ask": "titles", "sections": "sections.json"}
    return ask(request, tmp_path, providers or Providers(), Silent(), lambda part: None)


def test_sections_are_called_by_what_sets_them_apart_and_none_as_another(tmp_path):
    made = asked_for_titles(tmp_path, SECTIONS)
    assert made["titles"][:3] == ["Fishing boats", "Fish market", "Part 3"]
    assert len(set(made["titles"])) == 4
    assert (made["model"], made["model_version"]) == ("extractive", "1")
    assert made == asked_for_titles(tmp_path, SECTIONS)


def test_no_sections_have_no_titles(tmp_path):
    assert asked_for_titles(tmp_path, [])["titles"] == []


def a_talk(size):
    """Text of so many characters, always the same: words of a talk in the order of chance."""
    chance, vocabulary = random.Random(7), [word for text, _ in TEXTS.values() for word in text.split()]
    some = [" ".join(chance.choices(vocabulary, k=chance.randint(3, 20))) + ". " for _ in range(3000)]
    return some * max(1, size // sum(map(len, some)))


@pytest.mark.parametrize("size", [250_000, 10_000_000], ids=["four hours", "ten megabytes"])
def test_hours_of_speech_take_a_moment(size):
    talk = a_talk(size)
    material = Material(FACTS, tuple(Line(float(place), text) for place, text in enumerate(talk)), "en", 0.9)
    began = time.process_time()
    made = floor.description_answer(material, None)
    sections = floor.titles(["".join(talk[place::40]) for place in range(40)], "")
    assert time.process_time() - began < 15  # one or two; all of ten megabytes takes most of a minute
    assert made["title"]
    assert len(set(sections)) == 40


HARDLY = {
    "nothing": "",
    "dots": "." * 50_000,
    "one letter": "a" * 1_000_000,
    "marks": "!?" * 10_000,
    "dashes": "- " * 20_000,
    "accents": "\u0301" * 5000,
    "numbers": "1 2 3",
}


@pytest.mark.parametrize("name", HARDLY)
def test_text_that_is_none_is_survived(name):
    made = floor.description_answer(Material(FACTS, (Line(0.0, HARDLY[name]),), "en", 0.9), None)
    assert made["title"]
    assert len(made["title"]) <= 60
    assert len(made["description"]) <= 600


def test_what_no_screen_shows_stands_in_no_words(tmp_path):
    """A file may say of itself what turns the direction of everything behind it."""
    tags = {"title": "A\x1b[31m \u202eltit", "comment": "\x01"}
    facts = facts_of(Probe(media_type="audio", mime="audio/x-matroska", container="matroska", size=1, tags=tags))
    assert facts["tags"] == {"title": "A [31m ltit"}
    (tag,) = floor.distinct([floor.Tag("Red\u202e\x07 sea", 0.5)])
    assert tag.text == "red sea"
    assert floor.shortened("نمی\u200cخواهم\u202e", 60) == "نمی\u200cخواهم"
