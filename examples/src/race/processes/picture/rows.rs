//! The processes of a contestant, one row each: what it had, waited for and was.

use std::{fmt::Write, time::Duration};

use svg::node::element::{Group, Path};

use crate::race::{
    picture::{
        paint::{CANCELLED, REFUSED, SERVED, STOPPED, round},
        scale::Scale,
    },
    processes::ledger::{Span, Track},
};

/// A shorter wait is not seen.
const SHORTEST: Duration = Duration::from_millis(20);

/// Blocks of one colour.
#[derive(Default)]
struct Blocks(String);

impl Blocks {
    fn add(&mut self, span: Span, scale: &Scale, y: f64, height: f64) {
        let (from, to) = (scale.x(span.from), scale.x(span.to));
        if to > from {
            let (width, height) = (round((to - from).max(0.5)), round(height));
            // Writing to a string cannot fail.
            let _ = write!(self.0, "M{} {}h{width}v{height}h-{width}z", round(from), round(y));
        }
    }

    fn path(self, colour: &str) -> Path {
        Path::new().set("d", self.0).set("fill", colour)
    }
}

#[allow(clippy::cast_precision_loss)] // At most 64.
pub(super) fn rows(tracks: &[Track], scale: &Scale, top: f64, floor: f64) -> Group {
    let height = (floor - top) / tracks.len().max(1) as f64;
    // A gap between rows as long as they are high enough.
    let block = if height >= 3.0 { height - 1.0 } else { height };
    let (mut had, mut waited, mut without, mut stopped) =
        (Blocks::default(), Blocks::default(), Blocks::default(), Blocks::default());
    for (row, track) in tracks.iter().enumerate() {
        let y = top + height * row as f64;
        for life in &track.lives {
            had.add(*life, scale, y, block);
        }
        for wait in track.waits.iter().filter(|wait| wait.span.length() >= SHORTEST) {
            let until = wait.login.unwrap_or(wait.span.to);
            waited.add(Span { from: wait.span.from, to: until }, scale, y, block);
            without.add(Span { from: until, to: wait.span.to }, scale, y, block);
        }
        for stop in &track.stopped {
            stopped.add(*stop, scale, y, block);
        }
    }
    Group::new().add(had.path(SERVED)).add(waited.path(CANCELLED)).add(without.path(REFUSED)).add(stopped.path(STOPPED))
}
