//! What decoding a picture is going to take.

use crate::coefficients::Coefficients;
use crate::frame::Process;
use crate::lossless::Lossless;
use crate::rows::KEPT_ROWS;
use crate::{Color, Header, Options};

/// What does not grow with the picture: the look-up tables of a scan, a window of its data,
/// coefficients on their way, and what is known of up to two hundred scans.
const FIXED: u64 = 160 << 10;

impl Header {
    /// The most bytes that a [`Decoder`](crate::Decoder) with these options holds at any one time,
    /// on one thread, its input aside: coefficients of a picture in several scans, two rows of
    /// MCUs, the rows that it hands over, and what does not grow with the picture.
    /// [`Decoder::start`](crate::Decoder::start) holds as much of its budget.
    ///
    /// Not included is what several threads take, which does not grow with the picture: 1 MB of
    /// samples, and for each thread four pieces of 0.1 MB, or of 2 MB at the most for flat
    /// pictures. For a progressive picture it is assumed that data reaches all of it, and that
    /// where coefficients are kept of more than a block's average, there are corrections to them.
    pub fn memory(&self, options: &Options) -> u64 {
        let (frame, scale) = (self.frame(), self.scale(options.scale));
        let scaled = frame.scaled(scale, options.dc_only);
        let (across, down) = frame.mcus();
        let width = u64::from(scale.apply(self.width));
        let planes = scaled.iter().map(|scaled| {
            let row = u64::from(across) * scaled.mcu_columns() as u64;
            let enlarged = !(scaled.enlarge_x.is(1) && scaled.enlarge_y.is(1));
            row * (scaled.mcu_rows() + KEPT_ROWS) as u64 + if enlarged { width } else { 0 }
        });
        // The colors of YCCK before they are inks.
        let mixed = if self.color == Color::Ycck { 3 * width } else { 0 };
        // All rows that become ready at once, with some that had to wait for a neighbor.
        let rows = scale.apply(frame.mcu().1) + 2;
        let rows = u64::from(rows.min(scale.apply(self.height)));
        let coefficients = if self.process == Process::Lossless {
            scaled.iter().map(|scaled| Lossless::bytes(scaled, across)).sum()
        } else if self.is_in_one_scan() {
            0
        } else {
            let each = |scaled| {
                Coefficients::bytes(&frame, scaled) + Coefficients::rows_bytes(down, scaled)
            };
            scaled.iter().map(each).sum()
        };
        FIXED
            + planes.sum::<u64>()
            + mixed
            + rows * width * self.color.channels() as u64
            + coefficients
    }
}
