//! Colours, fonts and the few shapes everything is made of.

use svg::node::element::{Circle, Line, Path, Rectangle, Text};

pub(in crate::race) const INK: &str = "#1c2733";
pub(in crate::race) const SOFT: &str = "#5b6875";
pub(in crate::race) const FAINT: &str = "#dfe4e9";
pub(in crate::race) const GROUND: &str = "#f6f8fa";
pub(in crate::race) const SERVED: &str = "#a9c7e8";
pub(in crate::race) const REFUSED: &str = "#e2574c";
pub(in crate::race) const CANCELLED: &str = "#ecc98b";
pub(in crate::race) const REFRESH: &str = "#1f5fa8";
pub(in crate::race) const DROPPED: &str = "#c77700";
pub(in crate::race) const DEATH: &str = "#b3261e";
pub(in crate::race) const ALIVE: &str = "#1e7d46";
pub(in crate::race) const STOPPED: &str = "#6d7885";
pub(in crate::race) const DEAD_GROUND: &str = "url(#dead)";

pub(in crate::race) const FONT: &str = "Inter, 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif";

/// Where a text is held.
#[derive(Clone, Copy)]
pub(in crate::race) enum Hold {
    Start,
    Middle,
    End,
}

/// One line of text.
pub(in crate::race) fn text(words: impl Into<String>, x: f64, y: f64, size: f64, colour: &str, hold: Hold) -> Text {
    let anchor = match hold {
        Hold::Start => "start",
        Hold::Middle => "middle",
        Hold::End => "end",
    };
    Text::new(words.into())
        .set("x", round(x))
        .set("y", round(y))
        .set("font-size", size)
        .set("fill", colour)
        .set("text-anchor", anchor)
}

pub(in crate::race) fn bold(text: Text) -> Text {
    text.set("font-weight", 600)
}

pub(in crate::race) fn rectangle(x: f64, y: f64, width: f64, height: f64, colour: &str) -> Rectangle {
    Rectangle::new()
        .set("x", round(x))
        .set("y", round(y))
        .set("width", round(width))
        .set("height", round(height))
        .set("fill", colour)
}

pub(in crate::race) fn line(from: (f64, f64), to: (f64, f64), width: f64, colour: &str) -> Line {
    Line::new()
        .set("x1", round(from.0))
        .set("y1", round(from.1))
        .set("x2", round(to.0))
        .set("y2", round(to.1))
        .set("stroke", colour)
        .set("stroke-width", width)
}

pub(in crate::race) fn disc(x: f64, y: f64, radius: f64, colour: &str) -> Circle {
    Circle::new().set("cx", round(x)).set("cy", round(y)).set("r", radius).set("fill", colour)
}

/// A refresh token that came back.
pub(in crate::race) fn diamond(x: f64, y: f64) -> Path {
    let r = 7.0;
    polygon(&[(x, y - r), (x + r, y), (x, y + r), (x - r, y)], DEATH)
}

/// A refresh that was dropped with its request.
pub(in crate::race) fn triangle(x: f64, y: f64) -> Path {
    polygon(&[(x - 5.0, y - 4.0), (x + 5.0, y - 4.0), (x, y + 4.5)], DROPPED)
}

fn polygon(points: &[(f64, f64)], colour: &str) -> Path {
    let places: Vec<_> = points.iter().map(|(x, y)| format!("{} {}", round(*x), round(*y))).collect();
    Path::new().set("d", format!("M{}Z", places.join("L"))).set("fill", colour)
}

/// Places to a tenth: more only makes the file longer.
pub(in crate::race) fn round(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}
