//! Rows of a picture that may be damaged or cut off: what is missing is gray.

use thumbelina_codec::{Context, Input, Poll};

use super::source::{Position, RowSource};
use super::strip::Strip;
use crate::picture::Rows;
use crate::{ColorModel, Depth, Error, Info, Layout};

/// A decoder, and where its rows end.
pub(super) struct Patched<R> {
    rows: R,
    position: Position,
    is_damaged: bool,
    gray: Strip,
    is_filled: bool,
}

impl<R: RowSource> Patched<R> {
    /// Tells the decoder as well, which may have more to show than whole rows.
    pub(super) fn new(mut rows: R) -> Result<Self, Error> {
        rows.forgive();
        let info = rows.info();
        let (position, gray) = (Position::start(info.height), Strip::new(info)?);
        Ok(Patched { rows, position, is_damaged: false, gray, is_filled: false })
    }

    fn gray(&mut self, max_rows: u32) -> Result<Poll<Rows<'_>>, Error> {
        let most = self.gray.fit(u32::MAX) as usize;
        if !self.is_filled {
            let layout = self.rows.info().layout;
            let pixel = gray_pixel(layout);
            let room = self.gray.room(most)?;
            for out in room.chunks_exact_mut(pixel.len()) {
                out.copy_from_slice(&pixel);
            }
            self.is_filled = true;
        }
        let strip = self.position.strip(max_rows.min(most as u32));
        self.position.next = strip.end;
        Ok(Poll::Ready(self.gray.rows(strip.len())))
    }
}

/// Whether it is the file's fault: no more of it is to be had.
pub(super) fn is_damage(error: &Error, input: &Input) -> bool {
    match error {
        Error::Truncated { .. } => input.is_complete(),
        Error::Invalid { .. } => true,
        _ => false,
    }
}

/// The gray of 128, as JPEG has it, without anything of it to be seen through.
pub(super) fn gray_pixel(layout: Layout) -> Vec<u8> {
    let samples: [u8; 4] = match (layout.model, layout.channels) {
        (ColorModel::Gray, _) => [128, 255, 0, 0],
        (ColorModel::Rgb, _) => [128, 128, 128, 255],
        (ColorModel::Cmyk, _) => [0, 0, 0, 127],
        (ColorModel::Lab, _) => [137, 128, 128, 255],
    };
    // Floats of light are linear.
    let is_light = matches!(layout.model, ColorModel::Gray | ColorModel::Rgb);
    let float = |sample| match sample {
        128 if is_light => 0.215_86,
        sample => f32::from(sample) / 255.0,
    };
    let samples = samples.into_iter().take(layout.channels.into());
    match layout.depth {
        Depth::U8 => samples.collect(),
        Depth::U16 => samples.flat_map(|sample| (u16::from(sample) * 257).to_ne_bytes()).collect(),
        Depth::F32 => samples.flat_map(|sample| f32::to_ne_bytes(float(sample))).collect(),
    }
}

impl<R: RowSource> RowSource for Patched<R> {
    fn info(&self) -> &Info {
        self.rows.info()
    }

    fn next_nanos(&self) -> u64 {
        if self.is_damaged { self.info().row_bytes() as u64 } else { self.rows.next_nanos() }
    }

    fn memory(&self) -> u64 {
        self.rows.memory() + self.gray.memory()
    }

    fn read(
        &mut self,
        input: &mut Input,
        max_rows: u32,
        context: &Context<'_>,
    ) -> Result<Poll<Rows<'_>>, Error> {
        if self.is_damaged {
            return self.gray(max_rows);
        }
        let row_samples = self.info().width as usize * usize::from(self.info().layout.channels);
        // Some decoders lose with what is wrong all rows that they were asked for. One at a time,
        // it does not matter how many that are.
        match self.rows.read(input, 1, context) {
            Ok(poll) => Ok(poll.map(|rows| {
                self.position.next += (rows.len() / row_samples.max(1)) as u32;
                rows
            })),
            Err(error) if is_damage(&error, input) => {
                self.is_damaged = true;
                Ok(Poll::Working)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gray_is_the_same_in_every_layout() {
        let samples = |layout: Layout| gray_pixel(layout);
        assert_eq!(samples(Layout::new(1, Depth::U8)), [128]);
        assert_eq!(samples(Layout::new(2, Depth::U8)), [128, 255]);
        assert_eq!(samples(Layout::new(4, Depth::U8)), [128, 128, 128, 255]);
        assert_eq!(samples(Layout::new(3, Depth::U16)), [0x80; 6]);
        assert_eq!(samples(Layout::cmyk(Depth::U8)), [0, 0, 0, 127]);
        assert_eq!(samples(Layout::lab(3, Depth::U8)), [137, 128, 128]);
        let light = [0.215_86_f32; 3].map(f32::to_ne_bytes).concat();
        assert_eq!(samples(Layout::new(3, Depth::F32)), light);
    }
}
