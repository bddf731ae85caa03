"""In which language a text is."""

from __future__ import annotations

import pytest

from headgate.checks.languages import language_of

SAID = {
    "en": "I would like to know whether the train leaves before noon, and where I can buy a ticket for it.",
    "de": "Ich möchte wissen, ob der Zug vor dem Mittag fährt und wo ich eine Fahrkarte dafür kaufen kann.",
    "fr": "Je voudrais savoir si le train part avant midi et où je peux acheter un billet pour ce voyage.",
    "es": "Me gustaría saber si el tren sale antes del mediodía y dónde se puede comprar un billete para él.",
    "it": "Vorrei sapere se il treno parte prima di mezzogiorno e dove si può comprare un biglietto per il viaggio.",
    "pt": "Eu gostaria de saber se o comboio parte antes do meio-dia e onde é que se pode comprar um bilhete.",
    "nl": "Ik wil graag weten of de trein voor de middag vertrekt en waar ik een kaartje voor de reis kan kopen.",
    "sv": "Jag skulle vilja veta om tåget går före lunch och var jag kan köpa en biljett till den här resan.",
    "da": "Jeg vil gerne vide om toget kører før middag, og hvor jeg kan købe en billet til den her rejse af nogen.",
    "pl": "Chciałbym wiedzieć, czy pociąg odjeżdża przed południem i gdzie można kupić bilet na tę podróż.",
    "cs": "Chtěl bych vědět, jestli vlak odjíždí před polednem a kde se dá koupit jízdenka na tuto cestu, která je.",
    "tr": "Trenin öğleden önce kalkıp kalkmadığını ve bu yolculuk için nereden bir bilet alabileceğimi bilmek isterim.",
    "fi": "Haluaisin tietää, lähteekö juna ennen puoltapäivää ja mistä voin ostaa lipun, kun se on vain tämä matka.",
    "ro": "Aș vrea să știu dacă trenul pleacă înainte de prânz și de unde pot cumpăra un bilet pentru această călătorie.",
    "id": "Saya ingin tahu apakah kereta itu berangkat sebelum siang dan di mana saya bisa membeli tiket untuk ini.",
    "vi": "Tôi muốn biết tàu có chạy trước buổi trưa không và tôi có thể mua vé cho chuyến đi này ở đâu.",
    "ja": "電車が正午前に出発するかどうか、そして切符をどこで買えるか知りたいです。",
    "zh": "我想知道火车是否在中午之前出发，以及在哪里可以买到车票。",
    "ko": "기차가 정오 전에 출발하는지, 그리고 표를 어디서 살 수 있는지 알고 싶습니다.",
    "cyrillic": "Я хотел бы знать, отправляется ли поезд до полудня и где можно купить билет.",
    "arabic": "أود أن أعرف ما إذا كان القطار يغادر قبل الظهر وأين يمكنني شراء تذكرة.",
    "el": "Θα ήθελα να μάθω αν το τρένο φεύγει πριν το μεσημέρι και πού μπορώ να αγοράσω εισιτήριο.",
    "he": "אני רוצה לדעת אם הרכבת יוצאת לפני הצהריים ואיפה אפשר לקנות כרטיס.",
    "th": "ฉันอยากทราบว่ารถไฟออกก่อนเที่ยงหรือไม่ และซื้อตั๋วได้ที่ไหน",
    "devanagari": "मैं जानना चाहता हूँ कि ट्रेन दोपहर से पहले चलती है या नहीं और टिकट कहाँ मिलेगा।",
}


@pytest.mark.parametrize("language", SAID)
def test_a_sentence_is_in_its_language(language: str):
    assert language_of(SAID[language]) == language


@pytest.mark.parametrize(
    "text", ["", "Ja", "42, 17; 3.14", "foo bar baz qux quux corge grault", "Paris, Berlin, Rom, Wien, Oslo"]
)
def test_what_is_too_short_or_has_no_small_words_is_in_none(text: str):
    assert language_of(text) is None


def test_code_does_not_count():
    assert language_of(SAID["de"] + "\n```python\n" + SAID["en"] * 10 + "\n```") == "de"
