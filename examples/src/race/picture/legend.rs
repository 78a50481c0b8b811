//! What the signs mean.

use svg::{Node, node::element::Group};

use super::{
    paint::{
        CANCELLED, DEAD_GROUND, Hold, INK, REFRESH, REFUSED, SERVED, SOFT, bold, diamond, disc, rectangle, text,
        triangle,
    },
    scale::{MARGIN, Scale},
};

pub(super) fn legend(scale: &Scale) -> Group {
    let (first, second) = (scale.bottom() + 70.0, scale.bottom() + 102.0);
    let [a, b, c] = [MARGIN + 110.0, MARGIN + 410.0, MARGIN + 740.0];
    let requests: [Sign; 3] = [
        (a, swatch(a, first, SERVED), "answered"),
        (b, swatch(b, first, REFUSED), "401 to the caller"),
        (c, swatch(c, first, CANCELLED), "cancelled by the caller"),
    ];
    let dead = rectangle(c + 222.0, second - 8.0, 16.0, 16.0, DEAD_GROUND).set("stroke", "#f2d9d6");
    let refreshes: [Sign; 4] = [
        (a, renewal(a, second), "brought the next token"),
        (b, triangle(b, second).into(), "dropped together with its request"),
        (c, diamond(c, second).into(), "old refresh token came back"),
        (c + 230.0, dead.into(), "session dead"),
    ];
    row("Requests", first, requests).add(row("Refreshes", second, refreshes))
}

/// Where a sign stands, the sign, and what it means.
pub(in crate::race) type Sign = (f64, Box<dyn Node>, &'static str);

/// Signs of one kind, side by side.
pub(in crate::race) fn row(kind: &str, y: f64, signs: impl IntoIterator<Item = Sign>) -> Group {
    let kind = text(kind, MARGIN, y + 4.5, 13.0, SOFT, Hold::Start);
    signs.into_iter().fold(Group::new().add(kind), |row, (x, sign, meaning)| {
        row.add(sign).add(text(meaning, x + 18.0, y + 4.5, 13.0, INK, Hold::Start))
    })
}

pub(in crate::race) fn swatch(x: f64, y: f64, colour: &str) -> Box<dyn Node> {
    rectangle(x - 8.0, y - 8.0, 16.0, 16.0, colour).into()
}

/// A refresh that brought a token.
pub(in crate::race) fn renewal(x: f64, y: f64) -> Box<dyn Node> {
    let number = bold(text("1", x, y + 4.0, 11.0, "#ffffff", Hold::Middle));
    Group::new().add(disc(x, y, 9.5, REFRESH)).add(number).into()
}
