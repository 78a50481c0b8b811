//! One contestant: who it is on the left, what happened to it on the right.

use std::time::Duration;

use svg::node::element::Group;

use super::rows::rows;
use crate::{
    figures::thousands,
    race::{
        picture::{
            lane::who,
            marks::renewals,
            paint::{ALIVE, DEATH, FAINT, GROUND, INK, SOFT, diamond, line, rectangle, triangle},
            scale::{LANE_BODY, LEFT, RIGHT, Scale},
        },
        processes::standing::Standing,
    },
};

/// Rows within a lane, from its top.
const SIGNS: f64 = 13.0;
const RENEWALS: f64 = 36.0;
const ROWS: f64 = 54.0;

/// Signs of one kind closer than this are one.
const APART: f64 = 9.0;

pub(super) fn lane(row: usize, standing: &Standing, scale: &Scale) -> Group {
    let top = scale.lane(row);
    let floor = top + LANE_BODY;
    let lane = &standing.lane;
    let mut group = Group::new()
        .add(words(standing, top))
        .add(rectangle(LEFT, top, RIGHT - LEFT, LANE_BODY, GROUND))
        .add(rows(&lane.tracks, scale, top + ROWS, floor - 2.0))
        .add(line((LEFT, floor), (RIGHT, floor), 1.0, FAINT));
    for x in places(lane.lost.iter().map(|lost| lost.at), scale, 2.0) {
        group = group.add(line((x, top), (x, floor), 1.5, DEATH));
    }
    for x in places(standing.reuses.iter().copied(), scale, APART) {
        group = group.add(diamond(x, top + SIGNS));
    }
    for x in places(lane.strikes.iter().copied(), scale, APART) {
        group = group.add(triangle(x, top + SIGNS));
    }
    group.add(renewals(lane.rotations.iter().copied(), scale, None, top + RENEWALS))
}

/// Where signs stand, without those that would hide each other.
fn places(at: impl Iterator<Item = Duration>, scale: &Scale, apart: f64) -> Vec<f64> {
    let mut places: Vec<f64> = Vec::new();
    for x in at.map(|at| scale.x(at)) {
        if places.last().is_none_or(|last| x - last >= apart) {
            places.push(x);
        }
    }
    places
}

fn words(standing: &Standing, top: f64) -> Group {
    let numbers = &standing.numbers;
    let (badge, colour) = match (numbers.logins_lost, numbers.logins_lost_to_strikes) {
        (0, _) => ("no login lost".to_owned(), ALIVE),
        (lost, struck) if lost == struck => (format!("{} lost with answers", logins(lost)), SOFT),
        (lost, _) => (format!("{} lost", logins(lost)), DEATH),
    };
    let guilty = if numbers.presented_twice + numbers.overlapping > 0 { DEATH } else { INK };
    let sent = format!("{} − {}", thousands(numbers.submissions), thousands(numbers.rotations));
    let facts = [
        (0.0, sent, "submissions, rotations", guilty),
        (158.0, format!("{:.2} s", numbers.longest_wait_s), "longest wait for a token", INK),
    ];
    who(top, standing.kind.name(), (badge, colour), standing.kind.sentence(), facts)
}

fn logins(number: u64) -> String {
    if number == 1 { "1 login".to_owned() } else { format!("{} logins", thousands(number)) }
}
