//! What the signs mean.

use svg::node::element::Group;

use crate::race::picture::{
    legend::{Sign, renewal, row, swatch},
    paint::{CANCELLED, DEATH, REFUSED, SERVED, STOPPED, diamond, line, triangle},
    scale::{MARGIN, Scale},
};

pub(super) fn legend(scale: &Scale) -> Group {
    let (first, second) = (scale.bottom() + 70.0, scale.bottom() + 102.0);
    let [a, b, c, d] = [MARGIN + 110.0, MARGIN + 370.0, MARGIN + 660.0, MARGIN + 950.0];
    let processes: [Sign; 4] = [
        (a, swatch(a, first, SERVED), "has a token"),
        (b, swatch(b, first, CANCELLED), "waits for one"),
        (c, swatch(c, first, REFUSED), "waits for a person to log in"),
        (d, swatch(d, first, STOPPED), "stopped"),
    ];
    let server: [Sign; 4] = [
        (a, renewal(a, second), "rotated"),
        (b, triangle(b, second).into(), "struck the process that presented"),
        (c, diamond(c, second).into(), "saw a spent refresh token again"),
        (d, line((d, second - 9.0), (d, second + 9.0), 1.5, DEATH).into(), "the login was lost"),
    ];
    row("A row a process", first, processes).add(row("The server", second, server))
}
