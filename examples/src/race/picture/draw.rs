use svg::Document;

use super::{density, frame, lane, legend, scale::Scale};
use crate::race::{Options, Standing};

pub(in crate::race) fn draw(options: &Options, standings: &[Standing]) -> Document {
    let scale = Scale::new(options.seconds.duration(), standings.len());
    let height = density::tallest(standings, &scale);
    let mut document = frame::canvas(&scale).add(frame::header(options)).add(frame::axis(&scale));
    for (row, standing) in standings.iter().enumerate() {
        document = document.add(lane::lane(row, standing, &scale, height));
    }
    document.add(legend::legend(&scale))
}
