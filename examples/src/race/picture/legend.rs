//! What the signs mean.

use svg::node::element::Group;

use super::{
    paint::{
        CANCELLED, DEAD_GROUND, Hold, INK, REFRESH, REFUSED, SERVED, SOFT, bold, diamond, disc, rectangle, text,
        triangle,
    },
    scale::{MARGIN, Scale},
};

pub(super) fn legend(scale: &Scale) -> Group {
    let (first, second) = (scale.bottom() + 70.0, scale.bottom() + 102.0);
    let words = |words: &str, x: f64, y: f64| text(words, x, y + 4.5, 13.0, INK, Hold::Start);
    let swatch = |x: f64, y: f64, colour: &str| rectangle(x - 8.0, y - 8.0, 16.0, 16.0, colour);
    let columns = [MARGIN + 110.0, MARGIN + 410.0, MARGIN + 740.0];
    let [a, b, c] = columns;
    Group::new()
        .add(text("Requests", MARGIN, first + 4.5, 13.0, SOFT, Hold::Start))
        .add(swatch(a, first, SERVED))
        .add(words("answered", a + 18.0, first))
        .add(swatch(b, first, REFUSED))
        .add(words("401 to the caller", b + 18.0, first))
        .add(swatch(c, first, CANCELLED))
        .add(words("cancelled by the caller", c + 18.0, first))
        .add(text("Refreshes", MARGIN, second + 4.5, 13.0, SOFT, Hold::Start))
        .add(disc(a, second, 9.5, REFRESH))
        .add(bold(text("1", a, second + 4.0, 11.0, "#ffffff", Hold::Middle)))
        .add(words("brought the next token", a + 18.0, second))
        .add(triangle(b, second))
        .add(words("dropped together with its request", b + 18.0, second))
        .add(diamond(c, second))
        .add(words("old refresh token came back", c + 18.0, second))
        .add(swatch(c + 230.0, second, DEAD_GROUND).set("stroke", "#f2d9d6"))
        .add(words("session dead", c + 248.0, second))
}
