"""Words that say nothing of what a comment is about, or not by themselves, by language tag.

They are written as `pipeline.tokens` writes words: in small letters, French ones without what
stands before an apostrophe, Arabic ones without vowel signs, Japanese ones as pairs of characters.
"""


def _split_words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Left out everywhere. How long something took, and how well it went, is not among them.
STOP_WORDS: dict[str, frozenset[str]] = {
    "en": _split_words(
        """
        a about above after ago all almost along already also although always am an and another any
        anybody anyone anything are around as at away be because been before being between both but
        by came come could did do does doing done down during each either else even ever every
        everyone everything few for from further get gets getting give given go goes going gone got
        had has have having he hello her here hers hi him his how however i i'd i'll i'm i've if in
        instead into is it it'd it'll its itself just keep last least less let like lot made make
        makes making many may maybe me might mine more most much must my myself now of off often ok
        okay on once one onto or other others our ours out over own per perhaps please put quite
        rather re really said same say see seem seemed seems several shall she should since so some
        somebody someone something soon such take taken than that the their them themselves then
        there these they they'd they'll they're they've thing things this those though three through
        to today took toward towards two under until up upon us use used using very via want wanted
        was way we we'd we'll we're we've went were what when where whether which while who whole
        whom whose why will with within would yes you you'd you'll you're you've your yours yourself
        """
    ),
    "de": _split_words(
        """
        aber ab alle allem allen aller alles als also am an andere anderen anderes auch auf aus bei
        beim bereits bin bis bisher bist bitte da dabei dadurch dafür dagegen daher damit danach
        dann daran darauf darin darüber das dass daß davon dazu dein deine dem den denen denn der
        deren des deshalb dessen dich die dies diese diesem diesen dieser dieses dir doch dort du
        durch ein eine einem einen einer eines einfach einige er es etwas euch euer eure für ganz
        gar geht gerade gibt habe haben habt hallo hat hatte hatten hätte hätten her hier hin hinter
        ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im in ins irgendwie ist ja jede jedem
        jeden jeder jedes jetzt kann kannst konnte konnten können könnte machen man mehr mein meine
        meinem meinen meiner meines mich mir mit mittlerweile muss musste müssen nach nachdem neben
        nun ob oder ohne per schon sehr sein seine seinem seinen seiner seit seitdem selbst sich sie
        sind so sogar solche soll sollte sollten sondern sonst sowie trotz trotzdem über um und uns
        unser unsere unserem unseren unserer unter viel viele vielen vom von vor wann war waren
        warum was weil weiter welche welcher wenig wenn wer werde werden weshalb wie will wir wird
        wo worden wurde wurden würde würden während zum zur zu zwar zwei zwischen
        """
    ),
    "fr": _split_words(
        """
        ai aie ainsi alors après as assez au aujourd auprès aussi autre autres aux avait avais avant
        avec avez avoir avons ayant beaucoup bonjour car ce ceci cela celle celles celui ces cet
        cette ceux chaque chez comme comment dans de depuis des deux devait dire dit dois doit donc
        dont du elle elles en entre es est et étaient était étant été être eu eux fait faire fait
        faut fois font hui ici il ils jusqu jusque la là laquelle le lequel les leur leurs lors
        lorsqu lorsque lui ma mais me même mes moi moins mon ne nos notre nous on ont ou où par
        parce pendant peu peut peux plusieurs plutôt pour pourquoi pourtant pouvez pouvoir puis
        puisque qu quand que quel quelle quelles quelque quelques quels qui quoi sa se sera ses si
        sien soit sommes son sont sous suis sur ta tes toi ton tous tout toute toutes très tu un une
        va vers voici voilà vos votre vous vraiment
        """
    ),
    "es": _split_words(
        """
        a ahora al algo alguien algún alguna algunas alguno algunos ante antes aquel aquella aquí
        así aunque bajo bastante buenas buenos cada casi como cómo con contra cosa cual cuál cuales
        cualquier cuando cuándo cuanto de del demás desde después donde dónde dos durante él el ella
        ellas ellos en entonces entre era eran eres es esa esas ese eso esos esta está están estaba
        estamos estar estas este esto estos estoy fue fueron gracias ha haber había han hace hacer
        hacia hasta hay he hemos hola incluso la las le les lo los luego más me mi mí mientras mis
        mismo misma mucha muchas mucho muchos muy nos nosotros nuestra nuestras nuestro nuestros o
        os otra otras otro otros para parece pero poco por porque pude puede pueden puedo pues que
        qué quien quién se sea según ser si sí sido siempre sino sobre somos son soy su sus también
        tan tanto te ten tener tenemos tengo ti tiene tienen toda todas todo todos tras tu tú tus un
        una unas uno unos usted ustedes va vez veces voy y ya yo
        """
    ),
    "pt-BR": _split_words(
        """
        a agora algo alguém algum alguma algumas alguns ao aos apenas após aquela aquele aqueles
        aquilo as às assim até cada coisa com como contra da das de dela dele deles depois desde
        dessa desse desta deste disso dito dois dos duas durante e é ela elas ele eles em enquanto
        então entre era eram essa essas esse esses está estão estamos estar estava estavam este esta
        estes estas estou eu fazer faz fez ficou foi foram há houve isso isto já la lá lhe lo logo
        mais mas me mesma mesmo meu meus mim minha minhas muita muitas muito muitos na nas nessa
        nesse nesta neste no nos nós nossa nossas nosso nossos num numa o obrigada obrigado oi olá
        onde os ou outra outras outro outros para pela pelas pelo pelos per perante pode podem pois
        por porém porque pouco pra pro própria próprio qual qualquer quando quanto que quem quê se
        seja sempre sendo ser será seu seus sido sim sobre somente sou sua suas também tanto te tem
        têm tenho ter teve tinha toda todas todo todos tudo tão tivemos um uma umas uns vai vez
        vezes você vocês vou
        """
    ),
    "ja": _split_words(
        """
        一度 今回 今後 今日 以上 以前 何か 何も 使い 使う 使っ 入っ 出来 出し 出て 前に 受け 場合
        当社 弊社 後に 思い 思う 思っ 思わ 我々 本当 来て 来な 来ま 次の 皆様 私の 私は 致し 行い
        行う 行っ 見て 言う 言わ 言っ 貴社 願い 頂い 頂き 頂け 頂く 御座 下さ 全て 分か 同じ 他の
        人が 人の 事が 事を 方が 方は 中で 中に
        """
    ),
    "ar": _split_words(
        """
        أن أنا أنت أنتم أنه أنها أو أي أيضا إذا إلا إلى إن إنه اذا الا التي الذي الذين الى الآن ان
        انا اي ايضا بأن بعد بعض بل بها به بين تكون تلك تم ثم جدا حتى حول حيث حين خلال دون ذلك عبر
        عليه عليها على عن عند عندما فقط فهو في فيه فيها قبل قد كان كانت كل كما كنت لأن لان لدي لقد
        لك لكم لكن لنا له لها لهذا لي ما ماذا مثل مرة مع معي من منذ منها منه نحن هذا هذه هل هم هنا
        هناك هو هي وأن وان وفي وقد ولكن وما ومن وهذا وهو وهي يتم يكون يا
        """
    ),
}

# Left out alone, but not beside another word: `never answered`, `still broken`, `too slow`.
QUALIFIERS: dict[str, frozenset[str]] = {
    "en": _split_words(
        """
        again ain't aren't back can can't cannot cant couldn't couldnt didn't didnt doesn't doesnt
        don't dont enough hadn't hasn't hasnt haven't havent isn't isnt neither never no nobody none
        nor not nothing nowhere only shouldn't still too wasn't wasnt well weren't without won't
        wont wouldn't wouldnt yet
        """
    ),
    "de": _split_words(
        """
        gut immer kein keine keinem keinen keiner keinerlei keines nicht nichts nie niemals niemand
        niemanden noch nur wieder
        """
    ),
    "fr": _split_words(
        """
        aucun aucune bien encore jamais ni non nul nulle pas personne plus point rien sans seulement
        toujours trop
        """
    ),
    "es": _split_words(
        """
        aún bien demasiado jamás nada nadie ni ningún ninguna ninguno no nunca sigue siguen sin solo
        sólo todavía
        """
    ),
    "pt-BR": _split_words(
        """
        ainda bem bom demais jamais nada não nem nenhum nenhuma ninguém nunca sem só
        """
    ),
    "ja": frozenset(),
    "ar": _split_words("بدون غير لا لم لن ليس ليست ولا ولم ولن"),
}
