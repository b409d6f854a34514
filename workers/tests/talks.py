"""Talks made up of known topics, for tests of what finds them."""

from collections.abc import Sequence

from workers.providers.base import Segment

BREAD = """Good bread needs only flour, water, salt and yeast. Mix the flour and the water first and
let the dough rest. The gluten in the flour grows stronger while the dough rests. Then knead the
dough until it is smooth and does not stick. A sourdough starter gives the bread more taste than
yeast from a packet. Let the dough rise in a warm place for two hours. When the dough has doubled,
shape the loaf and put it into a basket. Heat the oven as hot as it goes before you bake the loaf.
Steam in the oven makes the crust of the bread thin and crisp. Bake the loaf for forty minutes and
let the bread cool before you cut the crust."""
VOLCANO = """A volcano is a place where molten rock comes up from deep below the ground. The molten
rock is called magma while it is below the ground, and lava once it flows out. Some volcanoes erupt
quietly, and the lava runs down the slope like a river. Others erupt with great force and throw ash
high into the air. Gas in the magma is what makes an eruption violent. The ash of a large eruption
can cool the whole earth for years. Most volcanoes stand where plates of the earth's crust meet.
Geologists measure earthquakes around a volcano to foresee an eruption. They also measure the gas
that comes out of the crater. When the crater swells and the earthquakes come more often, people
near the volcano must leave."""
CHESS = """Chess is played by two players on a board of sixty four squares. Each player begins with
eight pawns and eight larger pieces. The queen is the strongest piece, because she moves in every
direction. A knight jumps over other pieces and lands on a square of the other colour. The bishop
stays on squares of one colour for the whole game. In the opening players bring their knights and
bishops to the centre of the board. Castling brings the king to safety behind his pawns. In the
middle of the game players look for an attack against the king. A pawn that reaches the far side of
the board becomes a queen. The game ends when the king cannot escape, which players call
checkmate."""
BICYCLE = """To mend a flat tyre on your bicycle you need a patch, some glue and two levers. Take
the wheel off the bicycle and let the rest of the air out of the tyre. Push the levers under the
edge of the tyre and lift it off the rim. Pull the tube out and pump it up to find the hole. Listen
for the air, or hold the tube under water and watch for bubbles. Roughen the rubber around the hole
with sandpaper. Spread the glue over the rubber and wait until it is dry. Press the patch on the
glue and hold it for a minute. Put the tube back into the tyre and the tyre back on the rim. Pump
the wheel up hard and your bicycle is ready to ride."""
TALKS = (BREAD, VOLCANO, CHESS, BICYCLE)
RATE = 2.5  # words a second


def make_talk(texts: Sequence[str], *, pause: float = 0.3, between: float = 0.3) -> tuple[list[Segment], list[float]]:
    """(what is said, when each text but the first begins). `pause` is that between sentences, `between` that between
    texts, seconds."""
    segments: list[Segment] = []
    starts: list[float] = []
    now = 0.0
    for number, text in enumerate(texts):
        if number:
            now += between - pause
            starts.append(round(now, 3))
        for sentence in " ".join(text.split()).replace(". ", ".\n").splitlines():
            length = len(sentence.split()) / RATE
            segments.append(Segment(round(now, 3), round(now + length, 3), sentence, 0.9))
            now += length + pause
    return segments, starts
