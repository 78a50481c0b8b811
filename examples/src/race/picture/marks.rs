//! Refreshes: numbered discs for those that brought a token, triangles for those that were dropped
//! with their request.

use std::time::Duration;

use svg::node::element::Group;

use super::{
    paint::{Hold, REFRESH, bold, rectangle, text, triangle},
    scale::Scale,
};
use crate::race::trace::{RefreshEnding, Trace};

const RADIUS: f64 = 9.5;

/// Discs closer than this become one pill with the first and the last number.
const APART: f64 = 2.0 * RADIUS + 3.0;

/// Triangles closer than this are one.
const TRIANGLES_APART: f64 = 11.0;

/// Where a mark stands that must not hide the line of death: what happened at the same moment is
/// shown before it.
fn before(x: f64, died: Option<f64>, room: f64) -> f64 {
    match died {
        Some(died) if (x - died).abs() < room => died - room,
        _ => x,
    }
}

pub(in crate::race) fn refreshes_ended(trace: &Trace, ending: RefreshEnding) -> impl Iterator<Item = Duration> {
    trace.refreshes.iter().filter(move |refresh| refresh.ending == ending).map(|refresh| refresh.at)
}

/// The refreshes that brought a token, numbered from one.
pub(in crate::race) fn renewals(at: impl Iterator<Item = Duration>, scale: &Scale, died: Option<f64>, y: f64) -> Group {
    struct Pill {
        from: f64,
        to: f64,
        first: usize,
        last: usize,
    }

    let mut pills: Vec<Pill> = Vec::new();
    for (number, at) in (1..).zip(at) {
        let x = before(scale.x(at), died, RADIUS + 4.0);
        match pills.last_mut() {
            // A pill needs room for its text, too.
            Some(pill) if x - pill.to.max(pill.from + label_room(pill.first, pill.last)) < APART => {
                (pill.to, pill.last) = (x, number);
            }
            _ => pills.push(Pill { from: x, to: x, first: number, last: number }),
        }
    }
    let mut group = Group::new();
    for Pill { from, to, first, last } in pills {
        let (mut from, mut to) = (from, to.max(from + label_room(first, last)));
        if let Some(died) = died.filter(|died| (from..to + RADIUS + 4.0).contains(died)) {
            let beyond = to + RADIUS + 4.0 - died;
            (from, to) = (from - beyond, to - beyond);
        }
        let words = if first == last { first.to_string() } else { format!("{first}–{last}") };
        let pill = rectangle(from - RADIUS, y - RADIUS, to - from + 2.0 * RADIUS, 2.0 * RADIUS, REFRESH);
        let number = bold(text(words, f64::midpoint(from, to), y + 4.0, 11.0, "#ffffff", Hold::Middle));
        group = group.add(pill.set("rx", RADIUS)).add(number);
    }
    group
}

/// How much wider than a disc a pill must be for its numbers.
fn label_room(first: usize, last: usize) -> f64 {
    if first == last {
        if first < 100 { 0.0 } else { 6.0 }
    } else if last < 10 {
        12.0
    } else {
        26.0
    }
}

/// The refreshes that were dropped with the request they ran in.
pub(in crate::race) fn drops(trace: &Trace, scale: &Scale, died: Option<f64>, y: f64) -> Group {
    let mut group = Group::new();
    let mut previous = f64::NEG_INFINITY;
    for at in refreshes_ended(trace, RefreshEnding::Dropped) {
        let x = before(scale.x(at), died, 8.0);
        if x - previous >= TRIANGLES_APART {
            group = group.add(triangle(x, y));
            previous = x;
        }
    }
    group
}
