//! The picture: one lane a contestant, one row a process, time from left to right.

mod header;
mod lane;
mod legend;
mod rows;

use svg::Document;

use super::standing::Standing;
use crate::race::{
    Options,
    picture::{frame, scale::Scale},
};

pub(in crate::race) fn draw(options: &Options, processes: u16, standings: &[Standing]) -> Document {
    let scale = Scale::new(options.seconds.duration(), standings.len());
    let mut document = frame::canvas(&scale).add(header::header(options, processes)).add(frame::axis(&scale));
    for (row, standing) in standings.iter().enumerate() {
        document = document.add(lane::lane(row, standing, &scale));
    }
    document.add(legend::legend(&scale))
}
