"""Languages by their codes of two letters and of three, as files have either, and by the names that players show. Pure.

Sources: ISO 639-1, ISO 639-2 (both of its sets), BCP 47.
"""

# Three letters (terminological, then bibliographic where that differs) by two.
_THREE = """
aa=aar ab=abk ae=ave af=afr ak=aka am=amh an=arg ar=ara as=asm av=ava ay=aym az=aze ba=bak be=bel bg=bul bh=bih
bi=bis bm=bam bn=ben bo=bod/tib br=bre bs=bos ca=cat ce=che ch=cha co=cos cr=cre cs=ces/cze cu=chu cv=chv cy=cym/wel
da=dan de=deu/ger dv=div dz=dzo ee=ewe el=ell/gre en=eng eo=epo es=spa et=est eu=eus/baq fa=fas/per ff=ful fi=fin
fj=fij fo=fao fr=fra/fre fy=fry ga=gle gd=gla gl=glg gn=grn gu=guj gv=glv ha=hau he=heb hi=hin ho=hmo hr=hrv ht=hat
hu=hun hy=hye/arm hz=her ia=ina id=ind ie=ile ig=ibo ii=iii ik=ipk io=ido is=isl/ice it=ita iu=iku ja=jpn jv=jav
ka=kat/geo kg=kon ki=kik kj=kua kk=kaz kl=kal km=khm kn=kan ko=kor kr=kau ks=kas ku=kur kv=kom kw=cor ky=kir la=lat
lb=ltz lg=lug li=lim ln=lin lo=lao lt=lit lu=lub lv=lav mg=mlg mh=mah mi=mri/mao mk=mkd/mac ml=mal mn=mon mr=mar
ms=msa/may mt=mlt my=mya/bur na=nau nb=nob nd=nde ne=nep ng=ndo nl=nld/dut nn=nno no=nor nr=nbl nv=nav ny=nya oc=oci
oj=oji om=orm or=ori os=oss pa=pan pi=pli pl=pol ps=pus pt=por qu=que rm=roh rn=run ro=ron/rum ru=rus rw=kin sa=san
sc=srd sd=snd se=sme sg=sag si=sin sk=slk/slo sl=slv sm=smo sn=sna so=som sq=sqi/alb sr=srp ss=ssw st=sot su=sun
sv=swe sw=swa ta=tam te=tel tg=tgk th=tha ti=tir tk=tuk tl=tgl tn=tsn to=ton tr=tur ts=tso tt=tat tw=twi ty=tah
ug=uig uk=ukr ur=urd uz=uzb ve=ven vi=vie vo=vol wa=wln wo=wol xh=xho yi=yid yo=yor za=zha zh=zho/chi zu=zul
"""
_TWO = {
    three: two for two, _, threes in (pair.partition("=") for pair in _THREE.split()) for three in threes.split("/")
}
# English names of the usual ones.
_ENGLISH = """
ar Arabic; bg Bulgarian; bn Bengali; ca Catalan; cs Czech; cy Welsh; da Danish; de German; el Greek; en
English; es Spanish; et Estonian; eu Basque; fa Persian; fi Finnish; fr French; ga Irish; gl Galician; gu
Gujarati; he Hebrew; hi Hindi; hr Croatian; hu Hungarian; hy Armenian; id Indonesian; is Icelandic; it
Italian; ja Japanese; ka Georgian; kk Kazakh; ko Korean; lt Lithuanian; lv Latvian; mk Macedonian; ml
Malayalam; mr Marathi; ms Malay; nb Norwegian; nl Dutch; no Norwegian; pa Punjabi; pl Polish; pt Portuguese;
ro Romanian; ru Russian; sk Slovak; sl Slovenian; sq Albanian; sr Serbian; sv Swedish; sw Swahili; ta Tamil;
te Telugu; th Thai; tr Turkish; uk Ukrainian; ur Urdu; vi Vietnamese; zh Chinese
"""
_NAMES = dict(pair.split() for pair in _ENGLISH.split(";"))
_CODES = {name.lower(): code for code, name in _NAMES.items()}
SPACELESS = frozenset({"zh", "ja", "th", "lo", "my", "km", "bo", "yue"})  # written without spaces between words


def short_language(code: str) -> str:
    """The shortest code of a language, without region or script, as BCP 47 wants it: `en` for `eng` and `en-GB`."""
    name = code.strip().lower().replace("_", "-").partition("-")[0]
    return _TWO.get(name, name)


def same_language(first: str | None, second: str | None) -> bool:
    """Whether two codes mean one language; never when either is missing."""
    return bool(first and second) and short_language(first or "") == short_language(second or "")


def language_tag(code: str | None) -> str | None:
    """The BCP 47 tag for a container's code: "en" for "eng"; None for what is no tag."""
    if not code:
        return None
    first, *rest = code.replace("_", "-").split("-")
    if not (first.isascii() and first.isalpha() and 2 <= len(first) <= 3):
        return None
    if not all(part.isascii() and part.isalnum() and len(part) <= 8 for part in rest):
        return None
    return "-".join([short_language(first), *rest])


def language_named(text: str) -> str:
    """The code of a language by its English name, in any case, or by a code of it; "" for what is neither."""
    word = text.strip().lower()
    return _CODES.get(word) or (language_tag(word) or "").split("-")[0]


def language_name(tag: str | None) -> str | None:
    """The language's name in English; the tag itself where it is not among the usual ones."""
    return _NAMES.get(tag.split("-")[0].lower(), tag) if tag else None


def language_code(text: str) -> str | None:
    """The code of ISO 639-1 for what people write: "en", "en-US", "eng", "English"; None for what is no language."""
    name = text.strip().lower()
    code = _CODES.get(name) or short_language(name)
    return code if code in _TWO.values() else None
