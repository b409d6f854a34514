"""Words that say little by themselves, by language: articles, pronouns, prepositions, and what is said while thinking.

A language without a list here is told by how short and how frequent its words are.
"""

from functools import cache

_WORDS = {
    "ar": """
        في من على إلى الى عن مع هذا هذه ذلك تلك التي الذي الذين هو هي هم نحن أنا انا أنت انت كان كانت يكون قد لقد لا
        ما لم لن إن ان أن كل بعض أو او ثم حتى إذا اذا لكن بل كما كيف أين متى لماذا هناك هنا عند بعد قبل بين غير أي اي
        و ف ب ل
        """,
    "cs": """
        a aby ale ani ano asi až bez být bude budeme byl byla bylo byli co což do ho i já jak jako je jeho jej její
        jejich jen jenom jestli ještě ji již jsem jsi jsme jsou jste k kam kde kdo kdy když ke která které který kteří
        ku má mají mi mít mně mnou mě můj na nad nám náš ne nebo než nic není o od on ona oni po pod podle pokud potom
        pro proč proto protože před při s se si sice so svůj ta tak také tam ten tento to tohle toto tu tuto ty už v
        vám váš ve více však všechno vy z za ze že
        """,
    "da": """
        af alle alt altså at da de dem den denne der deres det dette dig din du efter eller en end er et for fra få
        ham han har havde have hende her hos hun hvad hvem hver hvilken hvis hvor hvordan hvorfor i ikke ind ja jeg jo
        kan kun lidt man med meget men mig min mod må nej noget nogle nu når og også om op os over på sig sin skal
        skulle som så sådan til ud under ved vi vil ville vores være været
        """,
    "de": """
        aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim bin bis bist da
        dabei dadurch dafür dagegen daher damit dann daran darauf daraus darf darin darüber das dass dasselbe davon
        davor dazu dein deine dem den denen denn der deren derer des dessen dich die dies diese diesem diesen dieser
        dieses dir doch dort du durch eben ein eine einem einen einer eines einfach einmal er erst es etwa etwas euch
        euer eure für ganz gar gegen gewesen gibt habe haben hat hatte hatten her hier hin hinter ich ihm ihn ihnen
        ihr ihre ihrem ihren ihrer im immer in indem ins ist ja jede jedem jeden jeder jedes jene jetzt jeweils kann
        kannst kein keine keinen können könnte machen mal man manche mehr mein meine mich mir mit muss müssen nach
        nachdem nein nicht nichts noch nun nur ob oder ohne schon sehr sein seine seinem seinen seiner seit selbst
        sich sie sind so sogar solche soll sollen sollte sondern sonst soweit um und uns unser unsere unter über viel
        viele vom von vor wann war waren warum was weg weil weiter welche welchem welcher wenn wer werde werden
        weshalb wie wieder will wir wird wirst wo woher wohin wollen wurde wurden während würde zu zum zur zwar
        zwischen äh ähm
        """,
    "el": """
        ο η το οι τα του της των τον την και κι να με για από στο στη στην στον στα στις στους σε ένα ένας μια μία
        είναι ήταν θα δεν μη μην που πως πώς ότι αν αλλά ή όταν όπως αυτό αυτή αυτός αυτά αυτοί εγώ εσύ εμείς εσείς
        μου σου μας σας τους έχει έχουν έχω πολύ πιο όλα όλοι κάτι εδώ εκεί τι ποιος γιατί
        """,
    "en": """
        a about above actually after again against all almost already also although always am among an and another any
        anyone anything anyway are aren't around as ask asked at away back be became because become been before began
        behind being below between both but by came can can't cannot come comes could couldn't did didn't do does
        doesn't doing don't done down during each either else enough etc even ever every everybody everyone everything
        few for from further gave get gets getting give given gives go goes going gone gonna good got had hadn't has
        hasn't have haven't having he he'd he'll he's her here here's hers herself hey him himself his how how's
        however i i'd i'll i'm i've if in indeed instead into is isn't it it'd it'll it's its itself just keep kind
        kinda know knows last least less let let's like little look looks lot lots made make makes making many may
        maybe me mean means might mine more most much must my myself need never next no nobody none nor not nothing
        now of off oh ok okay on once one ones only onto or other others our ours ourselves out over own perhaps
        please put quite rather really right said same saw say saying says see seem seems seen several shall she she'd
        she'll she's should shouldn't since so some somebody someone something sometimes somewhere soon still stuff
        such sure take taken takes taking tell than thank thanks that that'd that'll that's the their theirs them
        themselves then there there's these they they'd they'll they're they've thing things think this those though
        through thus till to together told too took toward towards try trying two uh um under until up upon us use
        used uses using usually very via wanna want wants was wasn't way we we'd we'll we're we've well went were
        weren't what what's whatever when when's where where's whether which while who who's whole whom whose why will
        with within without won't would wouldn't yeah yes yet you you'd you'll you're you've your yours yourself
        yourselves
        """,
    "es": """
        a acá ahora ahí al algo algún alguna algunas alguno algunos allí ante antes aquel aquella aquellos aquí así
        aún aunque bajo bien bueno cada casi como cómo con contra cosa cosas cual cuál cuales cualquier cuando cuándo
        cuanto cuya cuyo da dar de debe deben decir del desde después dice dicho donde dónde dos durante e el él ella
        ellas ellos en entonces entre era eran eres es esa esas ese eso esos esta está estaba estado estamos están
        estar estas este esto estos estoy etc fin fue fueron ha había habían hace hacen hacer hacia hago han hasta hay
        haya he hemos hoy igual incluso ir la las le les lo los luego más me menos mi mí mientras mis mismo misma
        mismos mucha muchas mucho muchos muy nada nadie ni ningún ninguna no nos nosotros nuestra nuestras nuestro
        nuestros nunca o os otra otras otro otros para pero poco pocos podemos poder por porque pues puede pueden
        puedo que qué quien quién quienes quiere quiero se sea según ser si sí sido siempre sin sino sobre solamente
        solo sólo somos son soy su sus tal también tampoco tan tanto te tenemos tener tengo ti tiempo tiene tienen
        toda todas todavía todo todos tras tu tú tus un una unas uno unos usted ustedes va vamos van vaya ver vez y ya
        yo
        """,
    "fi": """
        ei eivät emme en että ette he hän häntä itse ja jo joka jolla jos jotka jälkeen kaikki kanssa kun kuin kuka
        kuten koska kyllä me mikä minkä minua minun minä mitä mukaan mutta myös muu ne niin niiden niitä nyt näin nämä
        näitä oli olla olen olet olemme olisi olivat ollut on ovat paljon sekä se sen siellä siinä siis sillä sinä
        sitten sitä sekä tai tuo tämä tämän tässä tätä vaan vai vain vielä vaikka voi voidaan yli
        """,
    "fr": """
        a à ah ai ailleurs ainsi alors après as au aucun aucune aujourd'hui auquel aussi autre autres aux avaient
        avait avant avec avez avoir avons beaucoup bien bon car ce ceci cela celle celles celui ces cet cette ceux
        chaque chez chose choses comme comment contre d dans de déjà depuis dernier des dès deux devant dire dit doit
        doivent donc dont du elle elles en encore enfin ensuite entre es est et étaient était étant étais été être eu
        eux faire fais fait faites faut fois font hein ici il ils j je jusque juste l la là laquelle le lequel les
        lesquels leur leurs lors lui m ma mais me même mêmes mes mieux moi moins mon n ne ni nos notre nôtre nous on
        ont or ou où ouais oui par parce pas pendant peu peut peuvent peux plus plusieurs pour pourquoi pouvez pouvoir
        près puis puisque qu quand que quel quelle quelles quelque quelques quels qui quoi quoique rien s sa sans se
        sera serait ses seulement si sien soi soit sommes son sont sous suis sur t ta tandis tant te tel telle
        tellement tes toi ton toujours tous tout toute toutes très trop tu un une va vais vers veut veux voici voilà
        voir vont vos votre vous vraiment vu y c ça
        """,
    "he": """
        של את על אל לא כן גם כי אם או אבל זה זאת זו הוא היא הם הן אני אתה את אנחנו אתם יש אין היה היתה היו להיות כל
        כמו מה מי איך למה איפה מתי עם בין רק עוד אז שם פה כאן הזה הזאת שלי שלך שלו שלה שלנו שלהם אותו אותה לי לך לו לה
        לנו מן עד כבר
        """,
    "hi": """
        का की के को में से है हैं था थी थे हो और या पर यह ये वह वे इस उस इन उन एक भी तो ही ने कि जो कर करने करते किया
        लिए साथ तक अपने अपनी अपना कुछ सब बहुत नहीं मैं हम आप तुम मेरा हमारा क्या कैसे क्यों कहाँ जब तब अब गया गई रहा
        रही रहे
        """,
    "hu": """
        a az azt azok és is de hogy ha nem nincs van volt voltak lesz lenne vagy mert mint már még meg el ki be fel le
        ez ezt ezek egy én te ő mi ti ők ami aki amely amelyek ahol akkor amikor csak de majd nagyon itt ott így úgy
        sem semmi minden valami való által után előtt alatt között mely mit mire miért hogyan kell lehet saját
        """,
    "id": """
        yang dan di ke dari untuk dengan pada ini itu adalah ada akan tidak bukan atau juga sudah telah dalam oleh
        sebagai karena bahwa saya kami kita anda dia ia mereka nya bisa dapat harus lebih sangat saat jika kalau agar
        hanya seperti tetapi namun antara para sebuah suatu lagi masih belum apa siapa bagaimana mengapa
        """,
    "it": """
        a abbiamo adesso ai al alcune alcuni alla alle allo allora altra altre altri altro anche ancora avere aveva
        avevano bene c che chi ci ciò come con contro cosa così cui d da dagli dai dal dalla dalle dallo degli dei del
        dell della delle dello dentro deve devono di dopo dove dovrebbe due dunque e è ecco ed era erano essere fa
        fare fatto fino fra già gli ha hai hanno ho i il in infatti invece io l la là le lei li lì lo loro lui ma mai
        me mentre meno mi mia mie miei mio molta molte molti molto ne negli nei nel nell nella nelle nello nessuno
        niente no noi non nostra nostro nulla o ogni oggi oppure ora per perché perciò però più poi poco possiamo
        possono prima proprio può puoi qua qual quale quali quando quanto quasi quella quelle quelli quello questa
        queste questi questo qui quindi s sarà se sei sempre senza si sì sia siamo siete sola solo sono sopra sotto
        sta stata state stati stato stesso su sua sue sugli sui sul sulla suo suoi tra troppo tu tua tue tuo tutta
        tutte tutti tutto un una uno va vi voi volta vostro
        """,
    "nl": """
        aan al alle alleen alles als altijd andere anders ben bij binnen bent daar daarom dan dat de deze die dit doen
        doet door dus echt een eens eigenlijk elk elke en er even gaan gaat ge geen gewoon goed haar had hadden heb
        hebben hebt heeft hem hen het hier hij hoe hun ieder iedereen iemand iets ik in is ja je jij jou jouw jullie
        kan kon kunnen kunt laat maar me mee meer men met mij mijn moet moeten mogen na naar natuurlijk nee niet niets
        nog nu of om omdat onder ons onze ook op over te tegen ten ter toch toe tot u uit uw van vanaf veel voor
        vooral waar waarom was wat we wel welke werd wie wij wil willen word worden wordt zal ze zei zelf zich zij
        zijn zo zoals zonder zou zouden zullen
        """,
    "no": """
        alle alt altså at av bare ble bli da de deg dem den denne der deres det dette din du eller en enn er et etter
        for fordi fra før få ham han har hadde henne her hos hun hva hvem hver hvilken hvis hvor hvordan hvorfor i
        ikke inn ja jeg jo kan kun litt man med meg meget men min mot må nei noe noen nå når og også om opp oss over
        på seg sin skal skulle som så sånn til ut under var ved vi vil ville vår være vært
        """,
    "pl": """
        a aby ale albo ani aż bardzo bez bo by być był była było były będzie będą chce ci cię co coś czy czyli dla
        dlaczego do dobrze gdy gdyż gdzie go i ich ile im inne inny iż ja jak jako jakie jaki je jednak jego jej jemu
        jest jestem jeszcze jeśli jeżeli już każdy kiedy kto która które którego której który którzy lub ma mają mam
        mamy mi mnie mogą może można mój my na nad nam nas nasz natomiast nawet nic nich nie niej nim niż no o od ok
        on ona one oni oraz po pod ponieważ poza przed przez przy się są sam swoje tak taka taki takie także tam te
        tego tej ten też to tobie tu tutaj tych tylko tym tę tą u w was we wam więc wszystko wy z za zawsze ze że żeby
        """,
    "pt": """
        a à agora ai ainda além algo algum alguma algumas alguns ali ante antes ao aos apenas aquela aquelas aquele
        aqueles aqui aquilo as às assim até bem cada coisa coisas com como contra cada cujo da daquele das de dela
        dele deles depois desde dessa desse desta deste deve do dois dos e é ela elas ele eles em enquanto então entre
        era eram essa essas esse esses esta está estamos estão estar estas estava este estes estou eu faz fazer foi
        for foram gente há isso isto já lá lhe lhes lo logo mais mas me mesma mesmo meu meus mim minha minhas muita
        muitas muito muitos na nada não nas nem nenhum nessa nesse nesta neste ninguém no nos nós nossa nossas nosso
        nossos num numa nunca o os ou outra outras outro outros para pela pelas pelo pelos pode podem por porque
        porquê pouco pra primeiro qual quais qualquer quando quanto que quem quê quer se seja sem sempre sendo ser
        será seu seus sim só sob sobre somos sou sua suas são também tanto te tem têm temos tenho ter teu tinha toda
        todas todo todos tu tua tudo um uma umas uns vai vamos vão você vocês vez
        """,
    "ro": """
        a acea această aceasta acest acesta acolo acum ai aici al ale am ar are aș asta așa atât atunci au avea avem
        bine ca că care cât când ce cea cei cel cele ceva chiar cine cu cum cumva da dacă dar de deci deși din doar
        după e ea ei el ele era este eu fi fie fiecare foarte fost iar îi îl îmi în încă între îți la le li lor lui
        mai mea mei meu mi mult ne nici nimic noastră nostru noi nu o pe pentru prin să sau se și sa sale său spre sub
        sunt te toate tot toți tu un una unde unei unii unor unui va vă voi vor
        """,
    "ru": """
        а без более больше будет будут будто бы был была были было быть в вам вас ведь весь во вообще вот все всегда
        всего всей всем всех всё вы где да даже для до его ее её если есть еще ещё ж же за зачем здесь и из или им
        иногда их к каждый как какая какой какие когда конечно которая которого которой которые который которых кто ли
        либо лишь меня мне много может можно мой моя мы на над надо наш наша не него нее неё ней нет ни нибудь никогда
        ним них ничего но ну о об один однако он она они оно от очень перед по под поэтому после потом потому почти
        при про раз с сам сами свой свою себе себя сейчас со совсем так также такая такие такой там твой те тебе тебя
        тем теперь то тогда того тоже той только том тот ту туда тут ты у уж уже хотя чего чей чем через что чтобы
        чуть эта эти этим этих это этого этой этом этот эту я
        """,
    "sv": """
        alla allt alltså att av bara blev bli blir då dag de dem den denna deras dess det detta dig din dina du där
        efter eller en ett från för få får genom ha hade han har hans henne hennes hon honom hur här i icke ingen inom
        inte ja jag ju kan kanske kunde lite man med mellan men mer mig min mina mot mycket måste ni nog nu när någon
        något några när och också om oss på samma sedan sig sin sina själv ska skulle som så sådan till under upp ut
        utan vad var vara varför varit vem vi vid vilka vilken vill våra vårt åt än är över
        """,
    "tr": """
        acaba ama ancak artık aslında az bana bazı belki ben beni benim bile bir biraz biri birkaç biz bize bizim
        böyle bu buna bunda bundan bunu bunun burada çok çünkü da daha de değil diye dolayı eğer en gibi göre hem hep
        hepsi her hiç için ile ise işte kadar kendi ki kim mı mi mu mü nasıl ne neden nerede o olan olarak oldu olduğu
        olması olur on ona ondan onlar onu onun öyle sanki sen senin siz sonra şey şöyle şu tabii tüm var ve veya ya
        yani yok zaten
        """,
    "uk": """
        а або але без би бо був була були було бути в вам вас ви він вона вони воно все всі всього від для до дуже є ж
        же з за зі і із й його їх її йому коли кожен котрий ли лише ми мене мені може можна мій на над нам нас наш не
        нема нею ним них ні но ну о об один однак от по під після при про с сам свій себе та так також там те тебе ти
        тим то тобі тоді того той тому тут у хто це цей ця ці цього цьому чи чим через що щоб що як яка яке який які
        якщо я
        """,
}
_ALIASES = {"nb": "no", "nn": "no", "ms": "id", "sk": "cs"}


@cache
def stop_words(language: str) -> frozenset[str]:
    """Those of a language by its code of two letters; empty where there is no list."""
    return frozenset(_WORDS.get(_ALIASES.get(language, language), "").split())


@cache
def by_word() -> dict[str, tuple[str, ...]]:
    """Each of them with the languages that have it."""
    found: dict[str, tuple[str, ...]] = {}
    for language in _WORDS:
        for word in sorted(stop_words(language)):
            found[word] = (*found.get(word, ()), language)
    return found
