//! One client: who it is on the left, what happened to it on the right.

use svg::node::element::Group;

use super::{
    density,
    marks::{drops, refreshes_ended, renewals},
    paint::{ALIVE, DEAD_GROUND, DEATH, FAINT, GROUND, Hold, INK, SOFT, bold, diamond, line, rectangle, text},
    scale::{LANE_BODY, LEFT, MARGIN, RIGHT, Scale, TEXT_END},
};
use crate::{
    figures::{latency, thousands},
    race::{Standing, table, trace::RefreshEnding},
};

/// Rows within a lane, from its top.
const LABEL: f64 = 14.0;
const RENEWALS: f64 = 39.0;
const DROPS: f64 = 60.0;
const SKY: f64 = 70.0;

/// Letters on a line of the sentence.
const LINE: usize = 46;

pub(super) fn lane(row: usize, standing: &Standing, scale: &Scale, tallest: u32) -> Group {
    let top = scale.lane(row);
    let floor = top + LANE_BODY;
    let mut group = Group::new().add(words(standing, top)).add(rectangle(LEFT, top, RIGHT - LEFT, LANE_BODY, GROUND));
    let died = standing.died.map(|died| scale.x(died));
    if let Some(x) = died {
        group = group.add(rectangle(x, top, RIGHT - x, LANE_BODY, DEAD_GROUND));
    }
    group = group.add(density::skyline(&standing.trace, scale, floor, LANE_BODY - SKY, tallest)).add(line(
        (LEFT, floor),
        (RIGHT, floor),
        1.0,
        FAINT,
    ));
    if let Some(x) = died {
        group = group.add(line((x, top), (x, floor), 2.0, DEATH)).add(epitaph(standing, x, top + LABEL));
    }
    group
        .add(renewals(refreshes_ended(&standing.trace, RefreshEnding::Renewed), scale, died, top + RENEWALS))
        .add(drops(&standing.trace, scale, died, top + DROPS))
}

/// The diamond at the head of the line of death, and what it means, on the side that has room.
fn epitaph(standing: &Standing, x: f64, y: f64) -> Group {
    /// Room the words need.
    const WIDE: f64 = 350.0;

    let times = match standing.reuses.len() {
        0 | 1 => String::new(),
        2 => ", twice".to_owned(),
        times => format!(", {times} times"),
    };
    let words = format!("old refresh token came back{times}: session revoked");
    let words = if x + WIDE < RIGHT {
        text(words, x + 13.0, y + 4.5, 12.5, DEATH, Hold::Start)
    } else {
        text(words, x - 13.0, y + 4.5, 12.5, DEATH, Hold::End)
    };
    Group::new().add(diamond(x, y)).add(bold(words))
}

fn words(standing: &Standing, top: f64) -> Group {
    let numbers = &standing.numbers;
    let badge = table::session(standing);
    let colour = if standing.died.is_some() { DEATH } else { ALIVE };
    let refused = format!("{} × 401", thousands(numbers.unauthorized));
    let facts = [
        (0.0, thousands(numbers.requests), "requests", INK),
        (100.0, refused, "seen by callers", if numbers.unauthorized > 0 { DEATH } else { INK }),
        (214.0, latency(numbers.p99_ms), "p99 latency", INK),
    ];
    who(top, standing.kind.name(), (badge, colour), standing.kind.sentence(), facts)
}

/// The left of a lane: a name and a badge, a sentence, and facts side by side, each above its unit.
pub(in crate::race) fn who<const FACTS: usize>(
    top: f64,
    name: &str,
    (badge, colour): (String, &str),
    sentence: &str,
    facts: [(f64, String, &str, &str); FACTS],
) -> Group {
    let mut group = Group::new().add(bold(text(name, MARGIN, top + 17.0, 16.0, INK, Hold::Start))).add(bold(text(
        badge,
        TEXT_END,
        top + 17.0,
        13.0,
        colour,
        Hold::End,
    )));
    let mut y = top + 40.0;
    for row in wrap(sentence, LINE) {
        group = group.add(text(row, MARGIN, y, 13.0, SOFT, Hold::Start));
        y += 18.0;
    }
    for (x, fact, unit, colour) in facts {
        group = group.add(bold(text(fact, MARGIN + x, top + 123.0, 14.0, colour, Hold::Start))).add(text(
            unit,
            MARGIN + x,
            top + 140.0,
            11.5,
            SOFT,
            Hold::Start,
        ));
    }
    group
}

fn wrap(words: &str, width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in words.split(' ') {
        match rows.last_mut() {
            Some(row) if row.is_empty() => row.push_str(word),
            Some(row) if row.chars().count() + 1 + word.chars().count() <= width => {
                row.push(' ');
                row.push_str(word);
            }
            _ => rows.push(word.to_owned()),
        }
    }
    rows
}
