//! What the frame header says, and what follows for a picture decoded at some scale.

use crate::block::Class;

/// How a picture is spread over scans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// SOF0.
    Baseline,
    /// SOF1 and SOF9: sequential, with up to four tables of each kind.
    Extended,
    /// SOF2 and SOF10.
    Progressive,
    /// SOF3: samples are told by how they differ from their neighbors.
    Lossless,
}

/// How numbers are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Huffman,
    /// SOF9 and SOF10.
    Arithmetic,
}

/// The size of the output: this many eighths of the picture's, rounded up.
///
/// A block of 8 by 8 samples becomes one of 8, 4, 2 or 1 by as many, by an inverse transform of
/// that size on its lowest coefficients. At 1/8 that is the block's average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Scale {
    Eighth,
    Quarter,
    Half,
    #[default]
    Full,
}

impl Scale {
    /// Every scale, from the smallest to the largest.
    pub const ALL: [Scale; 4] = [Scale::Eighth, Scale::Quarter, Scale::Half, Scale::Full];

    /// Samples of the picture, on each side, for one of the output: 8, 4, 2 or 1.
    pub const fn factor(self) -> u32 {
        8 / self.eighths()
    }

    const fn eighths(self) -> u32 {
        match self {
            Scale::Eighth => 1,
            Scale::Quarter => 2,
            Scale::Half => 4,
            Scale::Full => 8,
        }
    }

    /// The length of a side of `length` samples in the output.
    pub const fn apply(self, length: u32) -> u32 {
        length.div_ceil(self.factor())
    }
}

/// One component as the frame header has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// By which scans name it.
    pub id: u8,
    /// Sampling factors, 1 to 4: samples per sample of a component with factor 1.
    pub horizontal: u8,
    pub vertical: u8,
    /// Its quantization table, 0 to 3.
    pub quantizer: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub process: Process,
    pub coding: Coding,
    /// Bits of a sample.
    pub precision: u8,
    pub width: u32,
    pub height: u32,
    pub components: Vec<Component>,
}

impl Frame {
    fn most(&self, factor: impl Fn(&Component) -> u8) -> u32 {
        self.components.iter().map(factor).max().unwrap_or(1).into()
    }

    /// The largest sampling factors.
    pub(crate) fn sampling(&self) -> (u32, u32) {
        (self.most(|c| c.horizontal), self.most(|c| c.vertical))
    }

    /// What an MCU is made of: blocks of so many samples on each side.
    fn unit(&self) -> u32 {
        if self.process == Process::Lossless { 1 } else { 8 }
    }

    /// The size of an MCU in samples.
    pub(crate) fn mcu(&self) -> (u32, u32) {
        let (h, v) = self.sampling();
        (self.unit() * h, self.unit() * v)
    }

    /// How many interleaved MCUs there are in each direction.
    pub(crate) fn mcus(&self) -> (u32, u32) {
        let (width, height) = self.mcu();
        (self.width.div_ceil(width), self.height.div_ceil(height))
    }

    /// Its components in the output; see [`Scaled::new`].
    pub(crate) fn scaled(&self, scale: Scale, dc_only: bool) -> Vec<Scaled> {
        self.components
            .iter()
            .map(|component| Scaled::new(self, component, scale, dc_only))
            .collect()
    }

    /// How many blocks of a component a scan of its own has in each direction.
    pub(crate) fn blocks(&self, component: &Component) -> (u32, u32) {
        let (h, v) = self.sampling();
        let blocks =
            |length: u32, factor: u8, most: u32| (length * u32::from(factor)).div_ceil(8 * most);
        (blocks(self.width, component.horizontal, h), blocks(self.height, component.vertical, v))
    }
}

/// One component of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scaled {
    pub class: Class,
    /// The component's samples that stand for the picture.
    pub width: u32,
    pub height: u32,
    /// Blocks of an MCU, in each direction.
    pub across: u32,
    pub down: u32,
    /// How many of the output's samples there are for one of the component's.
    pub enlarge_x: Ratio,
    pub enlarge_y: Ratio,
}

/// A ratio of two small numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ratio {
    pub over: u32,
    pub under: u32,
}

impl Ratio {
    pub(crate) fn is(self, whole: u32) -> bool {
        self.over == whole * self.under
    }
}

impl Scaled {
    /// With `dc_only`, no component needs more than its DC values for a progressive picture at 1/8.
    pub(crate) fn new(frame: &Frame, component: &Component, scale: Scale, dc_only: bool) -> Self {
        let (most_h, most_v) = frame.sampling();
        let (h, v) = (u32::from(component.horizontal), u32::from(component.vertical));
        if frame.process == Process::Lossless {
            return Scaled {
                class: Class::One,
                width: (frame.width * h).div_ceil(most_h),
                height: (frame.height * v).div_ceil(most_v),
                across: h,
                down: v,
                enlarge_x: Ratio { over: most_h, under: h },
                enlarge_y: Ratio { over: most_v, under: v },
            };
        }
        let n = scale.eighths();
        // A component with fewer samples than the others gets a larger transform instead of being
        // enlarged afterwards.
        let mut side = n;
        let dc_only = dc_only && frame.process == Process::Progressive && n == 1;
        while !dc_only && side < 8 && most_h * n >= h * side * 2 && most_v * n >= v * side * 2 {
            side *= 2;
        }
        let class = match side {
            1 => Class::One,
            2 => Class::Two,
            4 => Class::Four,
            _ => Class::Eight,
        };
        Scaled {
            class,
            width: (frame.width * h * side).div_ceil(8 * most_h),
            height: (frame.height * v * side).div_ceil(8 * most_v),
            across: h,
            down: v,
            enlarge_x: Ratio { over: most_h * n, under: h * side },
            enlarge_y: Ratio { over: most_v * n, under: v * side },
        }
    }

    /// Rows of samples in a row of MCUs.
    pub(crate) fn mcu_rows(&self) -> usize {
        self.down as usize * self.class.side()
    }

    /// Columns of samples in an MCU.
    pub(crate) fn mcu_columns(&self) -> usize {
        self.across as usize * self.class.side()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sampling: &[(u8, u8)], width: u32, height: u32) -> Frame {
        let component =
            |&(horizontal, vertical)| Component { id: 0, horizontal, vertical, quantizer: 0 };
        Frame {
            process: Process::Baseline,
            coding: Coding::Huffman,
            precision: 8,
            width,
            height,
            components: sampling.iter().map(component).collect(),
        }
    }

    #[test]
    fn half_sized_chroma_is_not_enlarged_at_reduced_scales() {
        let frame = frame(&[(2, 2), (1, 1), (1, 1)], 33, 17);
        for (scale, luma, chroma) in [
            (Scale::Eighth, Class::One, Class::Two),
            (Scale::Quarter, Class::Two, Class::Four),
            (Scale::Half, Class::Four, Class::Eight),
        ] {
            let scaled: Vec<_> =
                frame.components.iter().map(|c| Scaled::new(&frame, c, scale, true)).collect();
            assert_eq!((scaled[0].class, scaled[1].class), (luma, chroma));
            for scaled in scaled {
                assert_eq!((scaled.width, scaled.height), (scale.apply(33), scale.apply(17)));
                assert!(scaled.enlarge_x.is(1) && scaled.enlarge_y.is(1));
            }
        }
        let full = Scaled::new(&frame, &frame.components[1], Scale::Full, true);
        assert_eq!((full.class, full.width, full.height), (Class::Eight, 17, 9));
        assert!(full.enlarge_x.is(2) && full.enlarge_y.is(2));
        assert_eq!(frame.mcus(), (3, 2));
        assert_eq!(frame.blocks(&frame.components[0]), (5, 3));
        assert_eq!(frame.blocks(&frame.components[1]), (3, 2));
    }
}
