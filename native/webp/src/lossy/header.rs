//! The header of a key frame (RFC 6386, section 9).

use super::bools::Bools;
use super::strength::Strength;
use super::tables::{AC_STEPS, DC_STEPS, TOKEN_UPDATES, TOKENS};

/// What holds for the whole frame.
pub(super) struct FrameHeader {
    /// The probabilities of each macroblock's segment, if it is said.
    pub(super) segment_map: Option<[u8; 3]>,
    pub(super) simple_filter: bool,
    pub(super) segments: [Segment; 4],
    pub(super) partitions: usize,
    /// The probability that a macroblock has coefficients, if it is said whether it has.
    pub(super) skip: Option<u8>,
    /// By kind of block, and for each coefficient rather than for each band of them. The last is
    /// never used: there is no 17th coefficient, but looking its probabilities up needs no
    /// condition then.
    pub(super) probabilities: Box<[BlockProbabilities; 4]>,
}

pub(super) type BlockProbabilities = [[[u8; 11]; 3]; 17];

/// What the macroblocks of a segment have in common.
#[derive(Clone, Copy, Default)]
pub(super) struct Segment {
    /// Steps of quantization, of the first coefficient and of the others.
    pub(super) luma: [i32; 2],
    pub(super) luma_dc: [i32; 2],
    pub(super) chroma: [i32; 2],
    /// Of macroblocks predicted in one piece, and of those predicted block by block.
    pub(super) strengths: [Strength; 2],
}

/// What a header says of segments.
#[derive(Default)]
struct Segmentation {
    enabled: bool,
    map: Option<[u8; 3]>,
    relative: bool,
    quantizers: [i32; 4],
    levels: [i32; 4],
}

impl Segmentation {
    fn read(bools: &mut Bools) -> Self {
        let mut segmentation = Segmentation { enabled: bools.flag(), ..Self::default() };
        if !segmentation.enabled {
            return segmentation;
        }
        let updates_map = bools.flag();
        if bools.flag() {
            segmentation.relative = !bools.flag();
            segmentation.quantizers = std::array::from_fn(|_| bools.optional_signed(7));
            segmentation.levels = std::array::from_fn(|_| bools.optional_signed(6));
        }
        if updates_map {
            let probability = |_| if bools.flag() { bools.literal(8) } else { 255 };
            segmentation.map = Some(std::array::from_fn(probability));
        }
        segmentation
    }

    /// A segment's own value of what is `frame` for the frame.
    fn of(&self, own: i32, frame: i32) -> i32 {
        match (self.enabled, self.relative) {
            (false, _) => frame,
            (true, false) => own,
            (true, true) => frame + own,
        }
    }
}

/// What a header says of the loop filter.
struct Filter {
    simple: bool,
    level: i32,
    sharpness: u8,
    /// What is added to the level in a key frame, and what else to that of macroblocks predicted
    /// block by block.
    deltas: [i32; 2],
}

impl Filter {
    fn read(bools: &mut Bools) -> Self {
        let simple = bools.flag();
        let level = i32::from(bools.literal(6));
        let sharpness = bools.literal(3);
        let mut deltas = [0; 2];
        if bools.flag() && bools.flag() {
            let references: [i32; 4] = std::array::from_fn(|_| bools.optional_signed(6));
            let modes: [i32; 4] = std::array::from_fn(|_| bools.optional_signed(6));
            deltas = [references[0], modes[0]];
        }
        Filter { simple, level, sharpness, deltas }
    }

    fn strengths(&self, segment_level: i32) -> [Strength; 2] {
        if self.level == 0 {
            return [Strength::default(); 2];
        }
        let level = segment_level.clamp(0, 63) + self.deltas[0];
        [level, level + self.deltas[1]]
            .map(|level| Strength::new(level.clamp(0, 63) as u8, self.sharpness))
    }
}

/// Indices into the tables of steps, as differences to that of luma's AC coefficients.
struct Quantizers {
    luma_ac: i32,
    luma: i32,
    luma_dc: [i32; 2],
    chroma: [i32; 2],
}

impl Quantizers {
    fn read(bools: &mut Bools) -> Self {
        let luma_ac = i32::from(bools.literal(7));
        let mut delta = || bools.optional_signed(4);
        Quantizers {
            luma_ac,
            luma: delta(),
            luma_dc: [delta(), delta()],
            chroma: [delta(), delta()],
        }
    }

    fn segment(&self, index: i32, strengths: [Strength; 2]) -> Segment {
        let place = |delta: i32| (index + delta).clamp(0, 127) as usize;
        let dc = |delta| i32::from(DC_STEPS[place(delta)]);
        let ac = |delta| i32::from(AC_STEPS[place(delta)]);
        Segment {
            luma: [dc(self.luma), ac(0)],
            luma_dc: [dc(self.luma_dc[0]) * 2, (ac(self.luma_dc[1]) * 155 / 100).max(8)],
            chroma: [dc(self.chroma[0]).min(132), ac(self.chroma[1])],
            strengths,
        }
    }
}

impl FrameHeader {
    /// `None` if the frame is of a kind that is left to the future: only one color space is
    /// defined.
    pub(super) fn read(bools: &mut Bools) -> Option<Self> {
        let reserved_color_space = bools.flag();
        let _clamping_unneeded = bools.flag();
        if reserved_color_space {
            return None;
        }
        let segmentation = Segmentation::read(bools);
        let filter = Filter::read(bools);
        let partitions = 1 << bools.literal(2);
        let quantizers = Quantizers::read(bools);
        let _kept_for_later_frames = bools.flag();
        let probabilities = read_probabilities(bools);
        let skip = bools.flag().then(|| bools.literal(8));
        let segments = std::array::from_fn(|i| {
            let index = segmentation.of(segmentation.quantizers[i], quantizers.luma_ac);
            let level = segmentation.of(segmentation.levels[i], filter.level);
            quantizers.segment(index, filter.strengths(level))
        });
        Some(FrameHeader {
            segment_map: segmentation.map,
            simple_filter: filter.simple,
            segments,
            partitions,
            skip,
            probabilities,
        })
    }
}

fn read_probabilities(bools: &mut Bools) -> Box<[BlockProbabilities; 4]> {
    let mut bands = TOKENS;
    for (band, updates) in bands.as_flattened_mut().iter_mut().zip(TOKEN_UPDATES.as_flattened()) {
        for (probability, &update) in band.as_flattened_mut().iter_mut().zip(updates.as_flattened())
        {
            if bools.bool(update) {
                *probability = bools.literal(8);
            }
        }
    }
    const BANDS: [usize; 17] = [0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0];
    Box::new(bands.map(|kind| BANDS.map(|band| kind[band])))
}
