"""Distinction between simplified and traditional Chinese by characters that only one of the two scripts uses."""

from typing import Final

# Pairs of frequent characters, simplified first.
_PAIRS: Final = (
    "们們这這个個来來时時为為国國说說对對会會学學过過还還钱錢货貨点點样樣东東车車门門问問间間关關开開电電话話务務员員单單订訂"
    "发發费費账賬户戶请請让讓给給谁誰应應该該觉覺难難买買卖賣运運网網号號录錄码碼断斷处處实實认認识識业業机機损損坏壞换換质質"
    "几幾两兩边邊无無与與从從见見现現题題经經气氣热熱长長报報诉訴办辦馆館饭飯预預脏髒乱亂静靜灯燈马馬邻鄰护護医醫药藥伤傷烧燒"
    "触觸险險严嚴态態恶惡骂罵骗騙盗盜额額银銀联聯听聽写寫读讀变變领領导導银銀迟遲诈詐丢丟坑坑废廢树樹鸡雞头頭里裡么麼没沒"
)
SIMPLIFIED: Final = frozenset(_PAIRS[::2]) - frozenset(_PAIRS[1::2])
TRADITIONAL: Final = frozenset(_PAIRS[1::2]) - frozenset(_PAIRS[::2])


def is_traditional(text: str, *, unclear: bool) -> bool:
    """Return True if more characters are traditional than simplified, and `unclear` if there are as many of both."""
    simplified = sum(character in SIMPLIFIED for character in text)
    traditional = sum(character in TRADITIONAL for character in text)
    return unclear if simplified == traditional else traditional > simplified
