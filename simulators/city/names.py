"""Invented names in English and Chinese."""

from __future__ import annotations

from typing import NamedTuple


class Name(NamedTuple):
    """One name in two languages."""

    en: str
    zh: str


_WORDS = """Poplar 白杨 Willow 垂柳 Jadespring 玉泉 Clearwater 清水 Wildgoose 雁鸣 Southgate 南关 Northgate 北关
Dragonwell 龙井 Cypress 翠柏 Applewood 果林 Lantern 灯市 Silverbell 银铃 Millstone 磨坊 Kiln 窑湾 Swallow 紫燕
Lotus 荷塘 Ferry 渡口 Orchard 杏园 Drumtower 鼓楼 Stonebridge 石桥 Bamboo 竹溪 Maple 红枫 Autumn 秋池 Dawn 晨光
Harvest 丰登 Crane 鹤鸣 Plum 梅岭 Granary 粮仓 Weaver 织女 Inkstone 砚台 Copper 铜铺 Saltwell 盐井 Teahouse 茶亭
Redcliff 赤崖 Greenfield 青禾 Magpie 喜鹊 Kite 纸鸢 Peony 牡丹 Cloud 云台 Pagoda 塔影 Mirror 镜湖 Ginkgo 银杏
Courier 驿道 Pearl 明珠 Tower 望楼 Deer 鹿苑 Almond 扁桃 Sundial 日晷 Garrison 营房 Osmanthus 桂香 Heron 鹭洲
Pine 松涛 Rampart 城垣 Melon 瓜田 Sesame 芝麻 Bell 钟鸣 Barley 青稞 Amber 琥珀 Reed 芦苇 Indigo 靛坊 Cassia 肉桂
Thrush 画眉 Sandalwood 檀木 Thistle 蓟花 Coral 珊瑚 Foxglove 毛地黄 Moon 望月 Star 星河 Brook 溪语 Hawk 鹰嘴
Lychee 荔枝 Snow 听雪 Rain 听雨 Breeze 清风 Ridge 岭上 Cotton 棉纺 Mason 石匠 Potter 陶家 Quince 木瓜 Walnut 核桃
Mulberry 桑园 Sparrow 雀巷 Cedar 雪松 Ivory 象牙 Jasmine 茉莉 Linden 椴树 Lark 云雀 Meadow 草甸 Otter 水獭"""

_PEOPLE = """Li 李 Wang 王 Zhang 张 Liu 刘 Chen 陈 Yang 杨 Zhao 赵 Huang 黄 Zhou 周 Wu 吴 Xu 徐 Sun 孙 Hu 胡 Zhu 朱"""
_GIVEN = """Lan 岚 Wei 伟 Jun 军 Min 敏 Tao 涛 Hong 红 Qiang 强 Fang 芳 Lei 磊 Jing 静 Bo 波 Yan 燕 Peng 鹏"""
_VILLAGES = """Upper 上 Lower 下 East 东 West 西 Old 老 New 新"""

STREET, ROAD, AVENUE = Name("Street", "街"), Name("Road", "路"), Name("Avenue", "大道")


def words() -> list[Name]:
    """Words that streets are named after, no two alike."""
    return _pairs(_WORDS)


def street(number: int, kind: Name) -> Name:
    """The name of the n-th street of a kind; numbered branches once the words are used up."""
    known = words()
    word = known[number % len(known)]
    branch = number // len(known)
    if branch == 0:
        return Name(f"{word.en} {kind.en}", f"{word.zh}{kind.zh}")
    return Name(f"{word.en} Branch {branch} {kind.en}", f"{word.zh}支{branch}{kind.zh}")


def village(number: int) -> Name:
    """The name of the n-th village."""
    before, known = _pairs(_VILLAGES), words()
    head, word = before[number % len(before)], known[(number * 7 + 3) % len(known)]
    return Name(f"{head.en} {word.en} Village", f"{head.zh}{word.zh}村")


def person(number: int) -> str:
    """The name of the n-th person, in both scripts."""
    family, given = _pairs(_PEOPLE), _pairs(_GIVEN)
    first, last = given[number % len(given)], family[(number * 5 + number // len(given)) % len(family)]
    return f"{last.en} {first.en} {last.zh}{first.zh}"


def _pairs(text: str) -> list[Name]:
    parts = text.split()
    return [Name(en, zh) for en, zh in zip(parts[::2], parts[1::2], strict=True)]
