//! How each macroblock is predicted, as the first partition says (RFC 6386, sections 9.3 and 11).

use super::bools::Bools;
use super::header::FrameHeader;
use super::tables::SUBBLOCK_MODES;

/// How a macroblock's luma or chroma is predicted in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Dc,
    Vertical,
    Horizontal,
    TrueMotion,
}

/// How a block of 4x4 is predicted; in the order of the table of probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SubMode {
    Dc,
    TrueMotion,
    Vertical,
    Horizontal,
    LeftDown,
    RightDown,
    VerticalRight,
    VerticalLeft,
    HorizontalDown,
    HorizontalUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Luma {
    Whole(Mode),
    Blocks([[SubMode; 4]; 4]),
}

pub(super) struct Macroblock {
    pub(super) segment: usize,
    /// Whether there are no coefficients.
    pub(super) skipped: bool,
    pub(super) luma: Luma,
    pub(super) chroma: Mode,
}

/// The modes that the next macroblocks' are said by: of the blocks above and to the left.
pub(super) type Edge = [SubMode; 4];

/// The edge at the frame's borders.
pub(super) const BORDER: Edge = [SubMode::Dc; 4];

impl Macroblock {
    pub(super) fn read(
        bools: &mut Bools,
        header: &FrameHeader,
        above: &mut Edge,
        left: &mut Edge,
    ) -> Self {
        let segment = match header.segment_map {
            Some([first, low, high]) => match bools.bool(first) {
                false => usize::from(bools.bool(low)),
                true => 2 + usize::from(bools.bool(high)),
            },
            None => 0,
        };
        let skipped = header.skip.is_some_and(|probability| bools.bool(probability));
        let luma = if bools.bool(145) {
            let mode = if bools.bool(156) {
                if bools.bool(128) { Mode::TrueMotion } else { Mode::Horizontal }
            } else if bools.bool(163) {
                Mode::Vertical
            } else {
                Mode::Dc
            };
            *above = [mode.as_sub_mode(); 4];
            *left = *above;
            Luma::Whole(mode)
        } else {
            Luma::Blocks(std::array::from_fn(|y| {
                for above in above.iter_mut() {
                    let probabilities = &SUBBLOCK_MODES[*above as usize][left[y] as usize];
                    *above = SubMode::read(bools, probabilities);
                    left[y] = *above;
                }
                *above
            }))
        };
        let chroma = if !bools.bool(142) {
            Mode::Dc
        } else if !bools.bool(114) {
            Mode::Vertical
        } else if !bools.bool(183) {
            Mode::Horizontal
        } else {
            Mode::TrueMotion
        };
        Macroblock { segment, skipped, luma, chroma }
    }
}

impl Mode {
    fn as_sub_mode(self) -> SubMode {
        match self {
            Mode::Dc => SubMode::Dc,
            Mode::Vertical => SubMode::Vertical,
            Mode::Horizontal => SubMode::Horizontal,
            Mode::TrueMotion => SubMode::TrueMotion,
        }
    }
}

impl SubMode {
    fn read(bools: &mut Bools, probabilities: &[u8; 9]) -> Self {
        let mut is = |node: usize| bools.bool(probabilities[node]);
        if !is(0) {
            SubMode::Dc
        } else if !is(1) {
            SubMode::TrueMotion
        } else if !is(2) {
            SubMode::Vertical
        } else if !is(3) {
            match is(4) {
                false => SubMode::Horizontal,
                true if is(5) => SubMode::VerticalRight,
                true => SubMode::RightDown,
            }
        } else if !is(6) {
            SubMode::LeftDown
        } else if !is(7) {
            SubMode::VerticalLeft
        } else if !is(8) {
            SubMode::HorizontalDown
        } else {
            SubMode::HorizontalUp
        }
    }
}
