"""What begins like a refusal, and what only speaks of one."""

from __future__ import annotations

import pytest

from headgate.checks.refusals import BEGINNING, is_unable, refuses


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, but I can’t assist with that request.",
        "I cannot provide instructions for that.",
        "Unfortunately, I am unable to answer questions about people.",
        "I won't write that.",
        "I must respectfully decline.",
        "As an AI language model, I am not able to generate such content.",
        "That is against my guidelines.",
        "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
        "Je ne peux pas vous aider avec cette demande.",
        "Lo siento, no puedo ayudarte con eso.",
        "Não posso fornecer isso.",
        "Mi dispiace, non posso aiutarti.",
        "Sorry, ik kan je hier helaas niet mee helpen.",
        "Tyvärr, jag kan inte hjälpa dig med det.",
        "Jeg kan desværre ikke hjælpe dig med det.",
        "Beklager, jeg kan ikke hjelpe med det.",
        "Przepraszam, ale nie mogę w tym pomóc.",
        "Omlouvám se, ale s tím vám nemohu pomoci.",
        "Valitettavasti en voi auttaa sinua siinä.",
        "Îmi pare rău, dar nu te pot ajuta cu asta.",
        "Üzgünüm, bu konuda yardımcı olamam.",
        "Maaf, saya tidak bisa membantu dengan permintaan itu.",
        "Xin lỗi, tôi không thể giúp bạn việc này.",
        "Извините, я не могу вам с этим помочь.",
        "Вибачте, я не можу допомогти з цим.",
        "Λυπάμαι, δεν μπορώ να βοηθήσω με αυτό.",
        "抱歉，我无法提供这方面的帮助。",
        "很抱歉，我無法協助您完成這個請求。",
        "申し訳ありませんが、その件についてはお手伝いできません。",
        "申し訳ございませんが、そのご質問にはお答えできかねます。",
        "죄송하지만 그 요청은 도와드릴 수 없습니다.",
        "عذرًا، لا أستطيع مساعدتك في هذا الطلب.",
        "מצטער, אני לא יכול לעזור בזה.",
        "क्षमा करें, मैं इसमें आपकी मदद नहीं कर सकता।",
        "ขออภัย ฉันไม่สามารถช่วยเรื่องนี้ได้",
    ],
)
def test_a_refusal_is_one(text: str):
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The library cannot help with that: its cache is read-only.",
        "You can't assist two patients at once, so call for help.",
        "I can help with that. You cannot go wrong.",
        "He said: 'I will go.' and left.",
        "我们无法提供退款，但可以换货。",
        "抱歉让您久等了，我们今天就能提供帮助。",
        "返金はできませんが、交換は承ります。",
        "Мы не можем вернуть деньги, но обменяем товар.",
        "Wir können Ihnen leider kein Geld zurückgeben.",
        "We kunnen het pakket niet leveren; probeer het morgen.",
        "환불은 불가능하지만 교환은 가능합니다.",
        "หากสินค้าชำรุด คุณไม่สามารถขอคืนเงินได้",
        "Saya bisa membantu Anda. Tidak ada masalah.",
        "x" * BEGINNING + " I'm sorry, but I can't help with that.",
    ],
)
def test_what_only_speaks_of_one_is_none(text: str):
    assert not refuses(text)
    assert not is_unable(text)


def test_who_lacks_the_means_is_unable():
    assert is_unable("I'm sorry, but I don't have the ability to book flights.")
    assert is_unable("I don't have access to live data.")
    assert is_unable("I can't browse the web.")
    assert not is_unable("You don't have access to this folder; ask its owner.")
