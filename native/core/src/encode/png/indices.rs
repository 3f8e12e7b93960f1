//! PNG with a palette.

use std::sync::{Arc, Mutex};

use png::{BitDepth, ColorType, DeflateCompression, Filter};
use thumbelina_codec::Context;

use super::super::indexed::{Indexed, Made, PaletteOptions};
use super::super::options::EncodeOptions;
use super::super::palette::Rgba;
use super::super::sink::Sink;
use super::super::writer::Writer;
use super::{Attempt, Shared, deflate};
use crate::{Depth, Error, Format, Picture, cost};

pub(in super::super) struct IndexedPng {
    options: EncodeOptions,
    indexed: Indexed,
    /// Set when there is a palette.
    rows: Option<Rows>,
}

/// Where rows of indices go.
struct Rows {
    file: Attempt,
    /// Bits of an index.
    bits: usize,
    width: usize,
    /// The indices of a row, as far as they are there.
    row: Vec<u8>,
    packed: Vec<u8>,
}

/// zlib's level: indices take a quarter of the time of looking them up.
const LEVEL: DeflateCompression = DeflateCompression::Level(6);

impl IndexedPng {
    pub(super) fn new(picture: &Picture, options: &EncodeOptions) -> Result<Self, Error> {
        let palette = PaletteOptions {
            colors: options.colors.map_or(256, usize::from),
            dither: options.dither,
            translucent: true,
        };
        // As of GIF, which does the same.
        let nanos = cost::encode_row_nanos(Format::Gif, 1_000, picture.layout);
        let indexed = Indexed::new(picture, palette, nanos)?;
        Ok(IndexedPng { options: options.clone(), indexed, rows: None })
    }
}

impl Rows {
    fn begin(
        picture: &Picture,
        options: &EncodeOptions,
        palette: &[Rgba],
        sink: Sink,
    ) -> Result<Self, Error> {
        let sink = Shared(Arc::new(Mutex::new(sink)));
        let mut encoder = png::Encoder::new(sink.clone(), picture.width, picture.height);
        let (bits, depth) = match palette.len() {
            0..=2 => (1, BitDepth::One),
            3..=4 => (2, BitDepth::Two),
            5..=16 => (4, BitDepth::Four),
            _ => (8, BitDepth::Eight),
        };
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(depth);
        let colors = palette.iter().flat_map(|&[r, g, b, _]| [r, g, b]);
        encoder.set_palette(colors.collect::<Vec<u8>>());
        // Those behind the last that does not show fully are opaque.
        if let Some(last) = palette.iter().rposition(|color| color[3] < 255) {
            let alphas = palette[..=last].iter().map(|color| color[3]);
            encoder.set_trns(alphas.collect::<Vec<u8>>());
        }
        let compression = deflate(options.compression).unwrap_or(LEVEL);
        encoder.set_deflate_compression(compression);
        encoder.set_filter(Filter::NoFilter);
        let file = Attempt::begin(encoder, options, compression, sink)?;
        let width = picture.width as usize;
        let reserved = || {
            let mut row = Vec::new();
            row.try_reserve_exact(width).map_err(|_| Error::OutOfMemory)?;
            Ok::<_, Error>(row)
        };
        Ok(Rows { file, bits, width, row: reserved()?, packed: reserved()? })
    }

    fn put(&mut self, mut indices: &[u8]) -> Result<(), Error> {
        while !indices.is_empty() {
            let (now, later) = indices.split_at(indices.len().min(self.width - self.row.len()));
            self.row.extend_from_slice(now);
            indices = later;
            if self.row.len() == self.width {
                let pack = |part: &[u8]| {
                    let places = part.iter().enumerate();
                    places.fold(0, |byte, (at, &index)| byte | index << (8 - self.bits * (at + 1)))
                };
                self.packed.clear();
                self.packed.extend(self.row.chunks(8 / self.bits).map(pack));
                self.file.write_row(&self.packed, Depth::U8)?;
                self.row.clear();
            }
        }
        Ok(())
    }
}

impl Writer for IndexedPng {
    fn next_nanos(&self) -> u64 {
        self.indexed.next_nanos()
    }

    fn step(
        &mut self,
        picture: &Picture,
        sink: &mut Sink,
        context: &Context<'_>,
    ) -> Result<bool, Error> {
        let IndexedPng { options, indexed, rows } = self;
        if let Some(rows) = rows.as_mut()
            && !rows.file.attach()?
        {
            return Ok(false);
        }
        let done = indexed.step(picture, context.budget, |made| {
            match made {
                Made::Palette(palette, _transparent) => {
                    *rows = Some(Rows::begin(picture, options, palette, sink.empty_like()?)?);
                }
                Made::Indices(indices) => {
                    rows.as_mut().ok_or(Error::Internal)?.put(indices)?;
                }
            }
            Ok(())
        })?;
        if done {
            rows.take().ok_or(Error::Internal)?.file.finish(sink)?;
        }
        Ok(done)
    }
}
