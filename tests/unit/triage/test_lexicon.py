"""Classification of typical complaints in each language. The sentences were written before the classifier ran on them."""

import pytest

from services.triage.classifier import ComplaintText
from services.triage.classifier.lexicon import confidence

# Each complaint: its language, its text, the expected category (None: any) and the expected signals.
TYPICAL = [
    ("en", "My parcel was supposed to come on Monday and it still has not arrived.", "delivery", ()),
    ("en", "The blender you sent me arrived broken and the lid is cracked.", "product_quality", ()),
    ("en", "I returned the shoes a month ago and I am still waiting for my refund.", "refund", ()),
    ("en", "You charged me twice for the same bill in October.", "billing", ()),
    ("en", "There are two payments on my card that I did not authorise, this is fraud.", "fraud", ()),
    ("en", "I cannot log in any more and nobody will reset my password.", "account_access", ()),
    ("en", "We have had no internet for three days, the router keeps disconnecting.", "outage", ()),
    ("en", "The woman at the counter was rude and shouted at my husband.", "staff_conduct", ()),
    ("en", "Our room was dirty and at check-in nobody could find our reservation.", "booking_stay", ()),
    ("en", "Every night there is loud music from the construction site and rubbish on the street.", "public_space", ()),
    ("en", "You shared my data with an advertiser without consent.", "privacy", ()),
    ("en", "I have tried to cancel my subscription four times.", "cancellation", ()),
    ("en", "I was on hold for two hours and no one answers.", "waiting_time", ()),
    (
        "en",
        "The toaster I bought from you caught fire and my pregnant wife breathed in smoke.",
        None,
        ("vulnerable", "safety"),
    ),
    ("en", "This is the third time I write. My lawyer will take you to court.", None, ("legal_threat", "repeat")),
    ("en", "You bunch of idiots, I know where you live.", None, ("abuse",)),
    ("id", "Paket saya belum sampai padahal katanya sudah dikirim minggu lalu.", "delivery", ()),
    ("id", "Barang yang saya terima rusak, layarnya retak dan tidak bisa dipakai.", "product_quality", ()),
    ("id", "Kapan uang saya dikembalikan? Pengembalian dana sudah saya ajukan bulan lalu.", "refund", ()),
    ("id", "Tagihan saya bulan ini salah, ada biaya tambahan yang tidak pernah saya setujui.", "billing", ()),
    ("id", "Ada penipuan, saldo saya dipakai untuk transaksi yang tidak saya kenal.", "fraud", ()),
    ("id", "Akun saya terkunci dan kode OTP tidak pernah masuk.", "account_access", ()),
    ("id", "Internet mati sejak kemarin, gangguan jaringan terus di daerah kami.", "outage", ()),
    ("id", "Petugas di loket sangat kasar dan tidak sopan kepada ibu saya.", "staff_conduct", ()),
    ("id", "Kamar hotel kami kotor dan handuknya bau.", "booking_stay", ()),
    ("id", "Tetangga menyalakan musik keras sampai pagi, sangat bising.", "public_space", ()),
    (
        "id",
        "Ibu saya lansia dan hamil muda adik saya, kompor meledak dan tangannya terluka.",
        None,
        ("vulnerable", "safety"),
    ),
    ("id", "Sudah berkali-kali saya lapor, saya akan menempuh jalur hukum.", None, ("legal_threat", "repeat")),
    ("vi", "Tôi đặt hàng hai tuần rồi mà chưa nhận được hàng, shipper không gọi.", "delivery", ()),
    ("vi", "Sản phẩm bị lỗi, vừa mở hộp đã không hoạt động.", "product_quality", ()),
    ("vi", "Tôi đã trả hàng nhưng cửa hàng vẫn chưa hoàn tiền cho tôi.", "refund", ()),
    ("vi", "Hóa đơn tháng này tính sai, tôi bị trừ tiền hai lần.", "billing", ()),
    ("vi", "Có giao dịch lạ trên thẻ, tôi nghĩ mình bị lừa đảo.", "fraud", ()),
    ("vi", "Tài khoản bị khóa, tôi không đăng nhập được và quên mật khẩu.", "account_access", ()),
    ("vi", "Nhà tôi mất mạng ba ngày nay, internet không vào được.", "outage", ()),
    ("vi", "Nhân viên có thái độ thô lỗ và quát mắng khách.", "staff_conduct", ()),
    ("vi", "Khách sạn bẩn, phòng tắm hôi, nhận phòng phải đợi rất lâu.", "booking_stay", ()),
    ("vi", "Quán karaoke ồn ào suốt đêm, tiếng ồn không ngủ được.", "public_space", ()),
    ("vi", "Cha tôi là người cao tuổi, ấm nước bốc cháy làm ông bị bỏng.", None, ("vulnerable", "safety")),
    ("vi", "Tôi đã khiếu nại nhiều lần, tôi sẽ nhờ luật sư khởi kiện.", None, ("legal_threat", "repeat")),
    ("zh-Hans", "我上个月下单的包裹到现在还没收到，快递也查不到物流。", "delivery", ()),
    ("zh-Hans", "收到的水壶是坏的，质量太差，根本不能用。", "product_quality", ()),
    ("zh-Hans", "退货已经三周了，你们还没退款给我。", "refund", ()),
    ("zh-Hans", "这个月的账单有误，手续费扣了两次。", "billing", ()),
    ("zh-Hans", "我的卡被盗刷了，这两笔都不是本人操作。", "fraud", ()),
    ("zh-Hans", "账号被冻结，无法登录，也收不到验证码。", "account_access", ()),
    ("zh-Hans", "家里断网两天了，网络一直掉线。", "outage", ()),
    ("zh-Hans", "营业厅的服务员态度恶劣，还当众骂人。", "staff_conduct", ()),
    ("zh-Hans", "酒店房间很脏，入住的时候床单上有头发。", "booking_stay", ()),
    ("zh-Hans", "楼下工地半夜施工，噪音太大，严重扰民。", "public_space", ()),
    ("zh-Hans", "充电器冒烟起火，我怀孕的妻子被烫伤。", None, ("vulnerable", "safety")),
    ("zh-Hans", "这是第三次投诉，再不处理我就请律师起诉。", None, ("legal_threat", "repeat")),
    ("zh-Hant", "包裹兩週前就說出貨了，到現在還沒收到。", "delivery", ()),
    ("zh-Hant", "收到的吹風機是壞掉的，無法使用，品質太差。", "product_quality", ()),
    ("zh-Hant", "退貨三週了，你們到現在還沒有退款給我。", "refund", ()),
    ("zh-Hant", "這期帳單有誤，手續費重複扣款。", "billing", ()),
    ("zh-Hant", "我的信用卡被盜刷，這筆消費未經授權。", "fraud", ()),
    ("zh-Hant", "帳號被鎖，無法登入，驗證碼也收不到。", "account_access", ()),
    ("zh-Hant", "家裡斷網兩天了，網路訊號很差。", "outage", ()),
    ("zh-Hant", "櫃檯職員態度惡劣，對長輩說話很沒禮貌。", "staff_conduct", ()),
    ("zh-Hant", "飯店房間很髒，入住時冷氣不冷。", "booking_stay", ()),
    ("zh-Hant", "隔壁工地半夜施工，噪音嚴重擾民。", "public_space", ()),
    ("zh-Hant", "電鍋冒煙起火，我媽媽是身心障礙者，手被燙傷。", None, ("vulnerable", "safety")),
    ("zh-Hant", "這是第三次申訴，我會請律師到法院提告。", None, ("legal_threat", "repeat")),
    ("sr-Latn", "Paket koji sam naručila još nije stigao, a kurir se ne javlja.", "delivery", ()),
    ("sr-Latn", "Usisivač je stigao neispravan i prestao da radi posle jednog dana.", "product_quality", ()),
    ("sr-Latn", "Vratio sam robu pre mesec dana, a povraćaj novca još čekam.", "refund", ()),
    ("sr-Latn", "Dva puta naplaćena ista rata, iznos na računu nije tačan.", "billing", ()),
    ("sr-Latn", "Na kartici je neovlašćena transakcija, mislim da je prevara.", "fraud", ()),
    ("sr-Latn", "Nalog mi je blokiran i ne mogu da se prijavim, zaboravila sam lozinku.", "account_access", ()),
    ("sr-Latn", "Internet ne radi već tri dana, prekidi u mreži su stalni.", "outage", ()),
    ("sr-Latn", "Službenica na šalteru je bila neljubazna i vikala na mog oca.", "staff_conduct", ()),
    ("sr-Latn", "U hotelu nas je dočekala prljava soba, rezervaciju niko nije našao.", "booking_stay", ()),
    ("sr-Latn", "Buka sa gradilišta traje celu noć, a smeće stoji na ulici.", "public_space", ()),
    ("sr-Latn", "Šporet se zapalio, moja majka je invalid i ima opekotine.", None, ("vulnerable", "safety")),
    ("sr-Latn", "Već treći put pišem, sledeće je advokat i tužba.", None, ("legal_threat", "repeat")),
    ("sr-Cyrl", "Пакет који сам наручила још није стигао, а курир се не јавља.", "delivery", ()),
    ("sr-Cyrl", "Усисивач је стигао неисправан и престао да ради после једног дана.", "product_quality", ()),
    ("sr-Cyrl", "Два пута наплаћена иста рата, износ на рачуну није тачан.", "billing", ()),
    ("sr-Cyrl", "На картици је неовлашћена трансакција, мислим да је превара.", "fraud", ()),
    ("sr-Cyrl", "Интернет не ради већ три дана, сигнал је слаб.", "outage", ()),
    ("sr-Cyrl", "Шпорет се запалио, моја мајка је инвалид и има опекотине.", None, ("vulnerable", "safety")),
    ("nb", "Pakken min skulle komme på mandag, men den er fortsatt ikke levert.", "delivery", ()),
    ("nb", "Kaffetrakteren kom ødelagt og virker ikke.", "product_quality", ()),
    ("nb", "Jeg returnerte skoene for en måned siden og har ikke fått pengene tilbake.", "refund", ()),
    ("nb", "Dere har trukket to ganger for samme faktura i oktober.", "billing", ()),
    ("nb", "Det er svindel på kortet mitt, jeg har ikke godkjent disse kjøpene.", "fraud", ()),
    ("nb", "Jeg får ikke logget inn, og kontoen min er sperret.", "account_access", ()),
    ("nb", "Vi har vært uten internett i tre dager, nettet er nede.", "outage", ()),
    ("nb", "Mannen i skranken var frekk og nedlatende mot moren min.", "staff_conduct", ()),
    ("nb", "Hotellrommet var skittent, og innsjekkingen tok to timer.", "booking_stay", ()),
    ("nb", "Det er bråk fra byggeplassen hver natt og søppel i gata.", "public_space", ()),
    ("nb", "Jeg har bedt om å si opp abonnementet tre ganger.", "cancellation", ()),
    ("nb", "Brødristeren tok fyr, og min kone er gravid.", None, ("vulnerable", "safety")),
    ("nb", "Dette er tredje gang jeg klager, nå går saken til advokat.", None, ("legal_threat", "repeat")),
    ("tr", "Kargom üç haftadır gelmedi, kurye adrese hiç uğramamış.", "delivery", ()),
    ("tr", "Hesabımdan bilgim dışında para çekilmiş, dolandırıldım.", "fraud", ()),
    ("tr", "Kredi kartı aidatı ve dosya masrafı kesilmiş, faiz de yanlış.", "billing", ()),
    ("tr", "Şifremi unuttum, hesabım bloke oldu ve giriş yapamıyorum.", "account_access", ()),
    ("tr", "İade ettiğim ürünün geri ödemesi yapılmadı.", "refund", ()),
]


@pytest.mark.parametrize(("language", "sentence", "category", "signals"), TYPICAL)
def test_a_typical_complaint_gets_its_language_category_and_signals(
    classifier, language, sentence, category, signals
) -> None:
    result = classifier.classify([ComplaintText(body=sentence)])[0]
    assert result.language == language
    assert set(signals) <= set(result.signals)
    if category is not None:
        assert result.category == category, result
        assert not result.signals, "no signal is detected that the text does not contain"


@pytest.mark.parametrize(
    "sentence",
    [
        "I will not sue you, I only want an answer.",
        "Nobody was injured.",
        "Jeg skal ikke gå til advokat.",
        "我不会起诉你们。",
        "Saya tidak akan ke pengadilan.",
    ],
)
def test_a_negated_signal_is_no_signal(classifier, sentence) -> None:
    result = classifier.classify([ComplaintText(body=sentence)])[0]
    assert "legal_threat" not in result.signals
    assert "safety" not in result.signals


def test_a_negation_applies_only_within_its_sentence(classifier) -> None:
    assert "safety" in classifier.classify([ComplaintText(body="I am not happy. Burned my hand on it.")])[0].signals


def test_text_without_diacritics_and_in_upper_case_is_classified(classifier) -> None:
    result = classifier.classify(
        [ComplaintText(body="GOI HANG CUA TOI CHUA GIAO, GIAO HANG CHAM QUA", locale="vi-VN")]
    )[0]
    assert (result.language, result.category) == ("vi", "delivery")


def test_terms_inside_other_words_do_not_match(classifier) -> None:
    result = classifier.classify(
        [ComplaintText(body="The pursuer sued nobody; issue and tissue are fine words here today.")]
    )[0]
    assert "legal_threat" not in result.signals


def test_a_term_in_the_subject_outweighs_a_term_in_the_body(classifier) -> None:
    refund, delivery = "refund", "the courier"
    assert (
        classifier.classify([ComplaintText(subject=refund, body=f"please, {delivery} of yours")])[0].category
        == "refund"
    )
    assert (
        classifier.classify([ComplaintText(subject=delivery, body=f"please, a {refund} for me")])[0].category
        == "delivery"
    )


def test_english_loanwords_match_in_other_languages(classifier) -> None:
    assert (
        classifier.classify([ComplaintText(body="Tolong proses refund saya secepatnya ya kak")])[0].category == "refund"
    )


def test_why_contains_only_terms_of_the_rulebook(classifier, rules) -> None:
    terms = {f"{term.target}: {term.text}" for term in rules.terms}
    for _, sentence, *_ in TYPICAL:
        assert set(classifier.classify([ComplaintText(body=sentence)])[0].why) <= terms


def test_a_text_without_terms_is_other_with_no_confidence(classifier) -> None:
    result = classifier.classify([ComplaintText(body="Lorem ipsum dolor sit amet consectetur")])[0]
    assert (result.category, result.confidence, result.candidates) == ("other", 0.0, ("other",))


def test_a_batch_is_classified_in_order(classifier) -> None:
    texts = [ComplaintText(body=sentence) for _, sentence, *_ in TYPICAL]
    assert classifier.classify(texts) == [classifier.classify([text])[0] for text in texts]


def test_a_clear_category_has_more_confidence_than_a_tie(classifier) -> None:
    clear = classifier.classify([ComplaintText(body="My parcel never arrived, the courier lost it.")])[0]
    tied = classifier.classify([ComplaintText(body="My refund and the courier.")])[0]
    assert clear.confidence > 0.7 > tied.confidence
    assert set(tied.candidates) == {"refund", "delivery"}


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "💥" * 5000, "ا" * 10, "a" * 100_000, "\ud800", "1" * 5000, "$" * 50]
)
def test_any_text_gets_a_category_and_a_language(classifier, text) -> None:
    result = classifier.classify([ComplaintText(subject=text, body=text, locale=text)])[0]
    assert result.category
    assert result.language


HAZARDS = [
    ("The fire exit on our floor was locked all night.", "safety"),
    ("There was no emergency exit from the breakfast hall.", "safety"),
    ("Nødutgangen var låst hele natten, og ingen kom.", "safety"),
    ("Pintu darurat di lantai kami terkunci sepanjang malam.", "safety"),
    ("Cửa thoát hiểm của tầng chúng tôi bị khóa suốt đêm.", "safety"),
    ("Katımızdaki yangın merdiveni bütün gece kilitliydi.", "safety"),
    ("Izlaz za nuždu na našem spratu je bio zaključan cele noći.", "safety"),
    ("我们那层的紧急出口整晚都锁着。", "safety"),
    ("我們那層的逃生通道整晚都鎖著。", "safety"),
    ("The personal alarm of my aunt has been dead for a week.", "vulnerable"),
    ("There is mould beside the bed of a child with asthma.", "vulnerable"),
    ("Trygghetsalarmen til tanten min har vært død i en uke.", "vulnerable"),
    ("Tombol darurat bibi saya sudah mati seminggu.", "vulnerable"),
    ("Nút gọi khẩn cấp của dì tôi đã hỏng một tuần.", "vulnerable"),
    ("Teyzemin acil çağrı butonu bir haftadır çalışmıyor.", "vulnerable"),
    ("Panik taster moje tetke ne radi već nedelju dana.", "vulnerable"),
    ("我阿姨的紧急呼叫按钮坏了一个星期。", "vulnerable"),
    ("我阿姨的緊急求助鈴壞了一個星期。", "vulnerable"),
]


@pytest.mark.parametrize(("sentence", "signal"), HAZARDS)
def test_blocked_exits_and_broken_alarms_raise_the_severity(classifier, rules, sentence, signal) -> None:
    result = classifier.classify([ComplaintText(body=sentence)])[0]
    assert signal in result.signals
    severity = rules.severity_of(result.category, result.signals, large_amount=False)
    assert severity == {"safety": "critical", "vulnerable": "high"}[signal]


# ── confidence ────────────────────────────────────────────────────────────────────────────────────────────────────────

THRESHOLD = 0.45  # the default


def test_one_strong_term_without_a_second_category_is_above_the_threshold() -> None:
    assert confidence(["refund"], {"refund": 3.0}, {"refund"}) > THRESHOLD


def test_one_common_word_is_below_the_threshold() -> None:
    assert confidence(["refund"], {"refund": 1.0}, ()) < THRESHOLD


def test_common_words_of_another_category_do_not_outweigh_a_strong_term() -> None:
    scores = {"refund": 3.0, "delivery": 2.0}
    assert confidence(["refund", "delivery"], scores, {"refund"}) >= THRESHOLD
    assert confidence(["refund", "delivery"], scores, ()) < THRESHOLD, (
        "below the threshold a person screens the complaint"
    )


def test_strong_terms_of_two_categories_are_below_the_threshold() -> None:
    scores = {"refund": 3.0, "delivery": 3.0, "billing": 2.0}
    assert confidence(list(scores), scores, {"refund", "delivery"}) < THRESHOLD


def test_a_strong_term_of_a_second_category_lowers_the_confidence_more_than_common_words() -> None:
    scores = {"refund": 6.0, "delivery": 4.0, "billing": 3.0}
    strong = confidence(list(scores), scores, {"refund", "billing"})
    assert strong < confidence(["refund", "delivery"], scores, {"refund"})
