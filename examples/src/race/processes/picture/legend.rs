//! What the signs mean.

use svg::node::element::Group;

use crate::race::picture::{
    paint::{
        CANCELLED, DEATH, Hold, INK, REFRESH, REFUSED, SERVED, SOFT, STOPPED, bold, diamond, disc, line, rectangle,
        text, triangle,
    },
    scale::{MARGIN, Scale},
};

pub(super) fn legend(scale: &Scale) -> Group {
    let (first, second) = (scale.bottom() + 70.0, scale.bottom() + 102.0);
    let words = |words: &str, x: f64, y: f64| text(words, x, y + 4.5, 13.0, INK, Hold::Start);
    let swatch = |x: f64, y: f64, colour: &str| rectangle(x - 8.0, y - 8.0, 16.0, 16.0, colour);
    let [a, b, c, d] = [MARGIN + 110.0, MARGIN + 370.0, MARGIN + 660.0, MARGIN + 950.0];
    Group::new()
        .add(text("A row a process", MARGIN, first + 4.5, 13.0, SOFT, Hold::Start))
        .add(swatch(a, first, SERVED))
        .add(words("has a token", a + 18.0, first))
        .add(swatch(b, first, CANCELLED))
        .add(words("waits for one", b + 18.0, first))
        .add(swatch(c, first, REFUSED))
        .add(words("waits for a person to log in", c + 18.0, first))
        .add(swatch(d, first, STOPPED))
        .add(words("stopped", d + 18.0, first))
        .add(text("The server", MARGIN, second + 4.5, 13.0, SOFT, Hold::Start))
        .add(disc(a, second, 9.5, REFRESH))
        .add(bold(text("1", a, second + 4.0, 11.0, "#ffffff", Hold::Middle)))
        .add(words("rotated", a + 18.0, second))
        .add(triangle(b, second))
        .add(words("struck the process that presented", b + 18.0, second))
        .add(diamond(c, second))
        .add(words("saw a spent refresh token again", c + 18.0, second))
        .add(line((d, second - 9.0), (d, second + 9.0), 1.5, DEATH))
        .add(words("the login was lost", d + 18.0, second))
}
