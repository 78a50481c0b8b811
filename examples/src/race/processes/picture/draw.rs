use svg::Document;

use super::{header, lane, legend};
use crate::race::{
    Options,
    picture::{frame, scale::Scale},
    processes::standing::Standing,
};

pub(in crate::race) fn draw(options: &Options, processes: u16, standings: &[Standing]) -> Document {
    let scale = Scale::new(options.seconds.duration(), standings.len());
    let mut document = frame::canvas(&scale).add(header::header(options, processes)).add(frame::axis(&scale));
    for (row, standing) in standings.iter().enumerate() {
        document = document.add(lane::lane(row, standing, &scale));
    }
    document.add(legend::legend(&scale))
}
