//! Requests as a skyline: how many ended when, and how.

use std::fmt::Write;

use svg::node::element::{Group, Path};

use super::{
    paint::{CANCELLED, REFUSED, SERVED, round},
    scale::{BAR, LEFT, Scale},
};
use crate::race::{
    Standing,
    trace::{Ending, Trace},
};

/// What ended within one bar, in the order in which it is piled up.
#[derive(Clone, Copy, Default)]
struct Pile {
    refused: u32,
    served: u32,
    cancelled: u32,
}

impl Pile {
    const fn total(self) -> u32 {
        self.refused + self.served + self.cancelled
    }
}

fn piles(trace: &Trace, scale: &Scale) -> Vec<Pile> {
    let mut piles = vec![Pile::default(); scale.bars()];
    for (at, ending) in &trace.requests {
        let pile = &mut piles[scale.bar(*at)];
        match ending {
            Ending::Served(_) => pile.served += 1,
            Ending::Refused | Ending::Failed => pile.refused += 1,
            Ending::Cancelled => pile.cancelled += 1,
        }
    }
    piles
}

/// The tallest pile of all lanes, to compare lanes. The last bar also holds what came after.
pub(super) fn tallest(standings: &[Standing], scale: &Scale) -> u32 {
    let last = scale.bars().saturating_sub(1);
    let tops = standings.iter().flat_map(|standing| piles(&standing.trace, scale).into_iter().take(last));
    tops.map(Pile::total).max().unwrap_or(1).max(1)
}

/// The skyline, standing on `floor`.
pub(super) fn skyline(trace: &Trace, scale: &Scale, floor: f64, room: f64, tallest: u32) -> Group {
    let unit = room / f64::from(tallest);
    let (mut refused, mut served, mut cancelled) = (String::new(), String::new(), String::new());
    let mut x = LEFT;
    for pile in piles(trace, scale) {
        let mut foot = floor;
        let mut block = |path: &mut String, count: u32| {
            // What came after the end must not tower over its lane.
            let height = (f64::from(count) * unit).min(foot - (floor - room));
            if height > 0.0 {
                foot -= height;
                // Writing to a string cannot fail.
                let _ = write!(path, "M{} {}h{BAR}v{}h-{BAR}z", round(x), round(foot), round(height));
            }
        };
        block(&mut refused, pile.refused);
        block(&mut served, pile.served);
        block(&mut cancelled, pile.cancelled);
        x += BAR;
    }
    let path = |d: String, colour: &str| Path::new().set("d", d).set("fill", colour);
    Group::new()
        .set("shape-rendering", "crispEdges")
        .add(path(served, SERVED))
        .add(path(cancelled, CANCELLED))
        .add(path(refused, REFUSED))
}
