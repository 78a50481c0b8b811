//! The picture: one lane a client, time from left to right, and what happened to whom.

mod density;
pub(super) mod frame;
pub(super) mod lane;
pub(super) mod legend;
pub(super) mod marks;
pub(super) mod paint;
pub(super) mod scale;

use svg::Document;

use self::scale::Scale;
use super::{Options, Standing};

pub(super) fn draw(options: &Options, standings: &[Standing]) -> Document {
    let scale = Scale::new(options.seconds.duration(), standings.len());
    let height = density::tallest(standings, &scale);
    let mut document = frame::canvas(&scale).add(frame::header(options)).add(frame::axis(&scale));
    for (row, standing) in standings.iter().enumerate() {
        document = document.add(lane::lane(row, standing, &scale, height));
    }
    document.add(legend::legend(&scale))
}
