//! Colours, fonts and the few shapes everything is made of.

use svg::node::element::{Circle, Line, Path, Rectangle, Text};

pub(super) const INK: &str = "#1c2733";
pub(super) const SOFT: &str = "#5b6875";
pub(super) const FAINT: &str = "#dfe4e9";
pub(super) const GROUND: &str = "#f6f8fa";
pub(super) const SERVED: &str = "#a9c7e8";
pub(super) const REFUSED: &str = "#e2574c";
pub(super) const CANCELLED: &str = "#ecc98b";
pub(super) const REFRESH: &str = "#1f5fa8";
pub(super) const DROPPED: &str = "#c77700";
pub(super) const DEATH: &str = "#b3261e";
pub(super) const ALIVE: &str = "#1e7d46";
pub(super) const DEAD_GROUND: &str = "url(#dead)";

pub(super) const FONT: &str = "Inter, 'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif";

/// Where a text is held.
#[derive(Clone, Copy)]
pub(super) enum Hold {
    Start,
    Middle,
    End,
}

/// One line of text.
pub(super) fn text(words: impl Into<String>, x: f64, y: f64, size: f64, colour: &str, hold: Hold) -> Text {
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

pub(super) fn bold(text: Text) -> Text {
    text.set("font-weight", 600)
}

pub(super) fn rectangle(x: f64, y: f64, width: f64, height: f64, colour: &str) -> Rectangle {
    Rectangle::new()
        .set("x", round(x))
        .set("y", round(y))
        .set("width", round(width))
        .set("height", round(height))
        .set("fill", colour)
}

pub(super) fn line(from: (f64, f64), to: (f64, f64), width: f64, colour: &str) -> Line {
    Line::new()
        .set("x1", round(from.0))
        .set("y1", round(from.1))
        .set("x2", round(to.0))
        .set("y2", round(to.1))
        .set("stroke", colour)
        .set("stroke-width", width)
}

pub(super) fn disc(x: f64, y: f64, radius: f64, colour: &str) -> Circle {
    Circle::new().set("cx", round(x)).set("cy", round(y)).set("r", radius).set("fill", colour)
}

/// A refresh token that came back.
pub(super) fn diamond(x: f64, y: f64) -> Path {
    let r = 7.0;
    polygon(&[(x, y - r), (x + r, y), (x, y + r), (x - r, y)], DEATH)
}

/// A refresh that was dropped with its request.
pub(super) fn triangle(x: f64, y: f64) -> Path {
    polygon(&[(x - 5.0, y - 4.0), (x + 5.0, y - 4.0), (x, y + 4.5)], DROPPED)
}

fn polygon(points: &[(f64, f64)], colour: &str) -> Path {
    let places: Vec<_> = points.iter().map(|(x, y)| format!("{} {}", round(*x), round(*y))).collect();
    Path::new().set("d", format!("M{}Z", places.join("L"))).set("fill", colour)
}

/// Places to a tenth: more only makes the file longer.
pub(super) fn round(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}
