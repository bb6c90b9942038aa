"""Generated complaints of about 1 KB, with different languages, lengths and products, unique by key and address."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

SENTENCES: dict[str, tuple[str, ...]] = {
    "en": (
        "I ordered a washing machine three weeks ago and it has still not arrived.",
        "The driver wrote that nobody was at home, although I waited all day.",
        "I was charged twice for the same invoice and the refund never came.",
        "Every time I call, I must explain the whole story to somebody new.",
        "The parcel was open when it came and two of the items were missing.",
        "My internet drops every evening between seven and ten.",
        "The technician did not come on Tuesday and nobody let me know.",
        "I was promised a call back within two days and I am still waiting.",
        "I depend on this line because of a medical alarm at home.",
        "The street light in front of the school has been dark for a month.",
        "Please tell me who handles this and by when I can expect an answer.",
        "The room was not cleaned and the heating did not work at night.",
    ),
    "id": (
        "Saya sudah memesan mesin cuci tiga minggu yang lalu tetapi belum juga dikirim.",
        "Kurir menulis bahwa rumah kosong, padahal saya menunggu seharian.",
        "Tagihan saya dipotong dua kali dan uangnya belum dikembalikan.",
        "Setiap kali menelepon saya harus bercerita dari awal lagi.",
        "Paketnya terbuka waktu sampai dan ada dua barang yang hilang.",
        "Tolong beri tahu siapa yang menangani keluhan ini dan kapan selesai.",
    ),
    "vi": (
        "Tôi đặt hàng ba tuần trước mà đến nay vẫn chưa nhận được.",
        "Tôi bị trừ tiền hai lần cho cùng một hóa đơn.",
        "Lần nào gọi tôi cũng phải kể lại toàn bộ câu chuyện.",
        "Xin cho biết ai đang xử lý và khi nào tôi được trả lời.",
    ),
    "zh-Hans": (
        "三个星期前订的洗衣机到现在还没有送到。",
        "同一张账单扣了我两次钱,退款一直没有到账。",
        "每次打电话都要从头再说一遍,非常失望。",
        "请告诉我谁在处理,什么时候能有答复。",
    ),
    "sr-Cyrl": (
        "Поручио сам веш машину пре три недеље и још није стигла.",
        "Исти рачун ми је наплаћен два пута.",
        "Сваки пут морам све да објашњавам испочетка.",
    ),
    "nb": (
        "Jeg bestilte en vaskemaskin for tre uker siden, og den har ikke kommet.",
        "Jeg ble belastet to ganger for den samme fakturaen.",
        "Hver gang jeg ringer, må jeg forklare alt på nytt.",
    ),
}
SHARES = {"en": 50, "id": 20, "vi": 10, "zh-Hans": 10, "sr-Cyrl": 5, "nb": 5}
ZONES = {
    "en": "Europe/London",
    "id": "Asia/Jakarta",
    "vi": "Asia/Ho_Chi_Minh",
    "zh-Hans": "Asia/Shanghai",
    "sr-Cyrl": "Europe/Belgrade",
    "nb": "Europe/Oslo",
}
SUBJECTS = (
    "Not delivered",
    "Charged twice",
    "No call back",
    "Tagihan salah",
    "Línea",
    "Still waiting",
    "Broken on arrival",
)
PRODUCTS = ("washing-machine", "card-payment", "broadband", "parcel", "hotel-room", "street-light", "account")
CHANNELS = ("web", "app", "email", "phone", "chat")
SLOT = "%08d"  # place of the number; fixed width, so that the length of a request does not change
DISTINCT = 240


@dataclass(frozen=True)
class Target:
    """Server to post to, and the token; every server under test gets the same headers."""

    port: int
    token: str = "none"
    path: str = "/v1/complaints"


def email_address(run: str, number: int) -> str:
    """Return the customer's address, by which the mail server identifies the complaint."""
    return f"{run}n{number:08d}@example.com"


def build_complaint(rng: random.Random, run: str) -> dict[str, object]:
    """Build a complaint as a client would post it, with SLOT in place of its number."""
    language = rng.choices(list(SHARES), weights=list(SHARES.values()))[0]
    words: list[str] = []
    budget = rng.randint(250, 900)
    while sum(map(len, words)) < budget:
        words.append(rng.choice(SENTENCES[language]))
    return {
        "customer": {
            "name": "Customer " + SLOT,
            "email": f"{run}n{SLOT}@example.com",
            "locale": language,
            "timezone": ZONES[language],
        },
        "channel": rng.choice(CHANNELS),
        "subject": rng.choice(SUBJECTS),
        "narrative": " ".join(words),
        "product": rng.choice(PRODUCTS),
        "expected_outcome": "My money back, or the goods this week.",
        "received_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "attributes": {"order": "A-" + SLOT, "branch": str(rng.randint(1, 400)), "campaign": "autumn"},
    }


def generate_requests(target: Target, run: str, start: int = 0) -> Iterator[bytes]:
    """Generate HTTP requests without end, numbered from `start`, each with its own key and address."""
    rng = random.Random(run)
    templates = [_build_template(target, run, build_complaint(rng, run)) for _ in range(DISTINCT)]
    return (templates[number % DISTINCT] % (number, number, number, number) for number in count(start))


def _build_template(target: Target, run: str, body: dict[str, object]) -> bytes:
    text = json.dumps(body, ensure_ascii=False).encode()
    length = len(text % (0, 0, 0))
    head = (
        f"POST {target.path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {target.token}\r\nIdempotency-Key: {run}-{SLOT}\r\nContent-Length: {length}\r\n\r\n"
    )
    return head.encode() + text
