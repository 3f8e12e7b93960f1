//! Pixels as indices into a palette, in three or four goes over them: colors are counted; if there
//! are too many, a palette is made of a sample; then every pixel's index is looked up.

use thumbelina_codec::{Budget, Held};

use super::palette::{self, Colors, Indices, MAX_COLORS, Opacity, Rgba, Sample};
use super::writer::STEP_NANOS;
use crate::{Error, Picture};

pub(super) struct Indexed {
    stage: Stage,
    /// The next pixel of this stage.
    next: usize,
    pixels: usize,
    options: PaletteOptions,
    opacity: Opacity,
    diffusion: Option<Diffusion>,
    /// What a thousand pixels take in the last stage.
    index_nanos: u64,
}

#[derive(Clone, Copy)]
pub(super) struct PaletteOptions {
    /// 2..=256.
    pub(super) colors: usize,
    pub(super) dither: bool,
    /// Whether colors may show a little: kept where all of them fit into the palette.
    pub(super) translucent: bool,
}

enum Stage {
    Count(Colors),
    Sample(Sample, Held),
    Cluster(Sample, Held),
    Index(Indices),
    Over,
}

/// What a step has made, in this order.
pub(super) enum Made<'a> {
    /// All colors, and the index of the one that does not show, if there is one that stands for all
    /// of these.
    Palette(&'a [Rgba], Option<u8>),
    /// Of the next pixels.
    Indices(&'a [u8]),
}

/// What a thousand pixels take to be counted or sampled.
const COUNT_NANOS: u64 = 5_000;

/// How much longer an index takes where errors are diffused: hardly two pixels have one color.
const DITHER_TIMES: u64 = 2;

/// Indices that are looked up before they are handed over.
const CHUNK: usize = 4096;

impl Indexed {
    pub(super) fn new(
        picture: &Picture,
        options: PaletteOptions,
        index_nanos: u64,
    ) -> Result<Self, Error> {
        let diffusion = options.dither.then(|| Diffusion::new(picture.width as usize));
        let times = if options.dither { DITHER_TIMES } else { 1 };
        Ok(Indexed {
            stage: Stage::Count(Colors::new(options.colors.min(MAX_COLORS))),
            next: 0,
            pixels: picture.width as usize * picture.height as usize,
            options,
            opacity: Opacity::default(),
            diffusion: diffusion.transpose()?,
            index_nanos: (index_nanos * times).max(1),
        })
    }

    pub(super) fn next_nanos(&self) -> u64 {
        self.next_step().1
    }

    /// How many pixels the next step takes, and how long.
    fn next_step(&self) -> (usize, u64) {
        let nanos = match &self.stage {
            Stage::Cluster(sample, _) => return (0, sample.cluster_nanos()),
            Stage::Count(_) | Stage::Sample(..) => COUNT_NANOS,
            Stage::Index(_) | Stage::Over => self.index_nanos,
        };
        let pixels = ((STEP_NANOS * 1_000 / nanos).max(1) as usize).min(self.pixels - self.next);
        (pixels, nanos * pixels as u64 / 1_000)
    }

    /// Takes a step, and hands over what it has made. `true` after the last pixel's index.
    pub(super) fn step(
        &mut self,
        picture: &Picture,
        budget: &Budget,
        mut take: impl FnMut(Made<'_>) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let range = self.next..self.next + self.next_step().0;
        self.next = range.end;
        let pixels = Pixels::of(picture, range)?;
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        self.stage = self.step_from(stage, pixels, budget, &mut take)?;
        Ok(matches!(self.stage, Stage::Over))
    }

    fn step_from(
        &mut self,
        stage: Stage,
        pixels: Pixels<'_>,
        budget: &Budget,
        take: &mut impl FnMut(Made<'_>) -> Result<(), Error>,
    ) -> Result<Stage, Error> {
        let (opacity, translucent) = (&mut self.opacity, self.options.translucent);
        Ok(match stage {
            Stage::Count(mut colors) => {
                if !pixels.all(|pixel| colors.insert(shown(pixel, opacity, translucent))) {
                    self.next = 0;
                    let held = budget.hold(palette::SAMPLE_BYTES)?;
                    Stage::Sample(Sample::new(self.pixels as u64)?, held)
                } else if self.next < self.pixels {
                    Stage::Count(colors)
                } else {
                    let sorted = colors.sort();
                    // There is nothing to diffuse.
                    self.diffusion = None;
                    self.begin_index(Indices::Exact(colors), &sorted, take)?
                }
            }
            Stage::Sample(mut sample, held) => {
                pixels.all(|pixel| {
                    sample.push(opacity.of(pixel));
                    true
                });
                if self.next < self.pixels {
                    Stage::Sample(sample, held)
                } else {
                    Stage::Cluster(sample, held)
                }
            }
            Stage::Cluster(sample, _held) => {
                let transparent = opacity.transparent;
                let opaque = self.options.colors - usize::from(transparent.is_some());
                let clusters = sample.cluster(opaque)?;
                let palette = clusters.palette(transparent);
                self.options.translucent = false;
                self.begin_index(Indices::Nearest(Box::new(clusters)), &palette, take)?
            }
            Stage::Index(mut indices) => {
                let mut chunk = Vec::new();
                chunk.try_reserve(CHUNK).map_err(|_| Error::OutOfMemory)?;
                let mut failed = Ok(());
                let diffusion = &mut self.diffusion;
                pixels.all(|pixel| {
                    let pixel = shown(pixel, opacity, translucent);
                    chunk.push(match (diffusion.as_mut(), &mut indices) {
                        (Some(diffusion), Indices::Nearest(clusters)) => {
                            diffusion.index(pixel, clusters)
                        }
                        (_, indices) => indices.of(pixel),
                    });
                    if chunk.len() == CHUNK {
                        failed = take(Made::Indices(&chunk));
                        chunk.clear();
                    }
                    failed.is_ok()
                });
                failed?;
                take(Made::Indices(&chunk))?;
                if self.next < self.pixels { Stage::Index(indices) } else { Stage::Over }
            }
            Stage::Over => return Err(Error::Internal),
        })
    }

    fn begin_index(
        &mut self,
        mut indices: Indices,
        palette: &[Rgba],
        take: &mut impl FnMut(Made<'_>) -> Result<(), Error>,
    ) -> Result<Stage, Error> {
        let transparent = self.opacity.transparent.map(|color| indices.of(color));
        take(Made::Palette(palette, transparent))?;
        self.next = 0;
        Ok(Stage::Index(indices))
    }
}

/// A pixel's color in the palette.
#[inline]
fn shown(pixel: Rgba, opacity: &mut Opacity, translucent: bool) -> Rgba {
    if translucent && pixel[3] != 0 { pixel } else { opacity.of(pixel) }
}

/// The error of each index, given to the pixels around that have none yet (Floyd and Steinberg,
/// 1976).
struct Diffusion {
    /// Sixteenths, for the current row from the current pixel on, and for the next row before it.
    /// One more on both sides.
    errors: Vec<[i16; 3]>,
    /// Of the pixel to the right in the next row: its place is still the current row's.
    below: [i16; 3],
    /// For the pixel to the right.
    right: [i16; 3],
    x: usize,
    width: usize,
}

impl Diffusion {
    fn new(width: usize) -> Result<Self, Error> {
        let bytes = (width + 2) * 3;
        let mut errors = Vec::new();
        errors.try_reserve_exact(bytes / 3).map_err(|_| Error::OutOfMemory)?;
        errors.resize(bytes / 3, [0; 3]);
        Ok(Diffusion { errors, below: [0; 3], right: [0; 3], x: 0, width })
    }

    fn index(&mut self, [r, g, b, a]: Rgba, clusters: &mut palette::Clusters) -> u8 {
        let here = self.errors[self.x + 1];
        let mut error = [0i16; 3];
        let index = if a == 0 {
            clusters.index_of([r, g, b, a])
        } else {
            let wanted: [i16; 3] = std::array::from_fn(|channel| {
                let color = i16::from([r, g, b][channel]);
                let sum = here[channel] + self.right[channel];
                (color + ((sum + 8) >> 4)).clamp(0, 255)
            });
            let [wr, wg, wb] = wanted.map(|channel| channel as u8);
            let index = clusters.index_of([wr, wg, wb, 255]);
            let chosen = clusters.color(index);
            error = std::array::from_fn(|channel| wanted[channel] - i16::from(chosen[channel]));
            index
        };
        let times = |times: i16| error.map(|error| error * times);
        let add = |to: &mut [i16; 3], more: [i16; 3]| {
            to.iter_mut().zip(more).for_each(|(to, more)| *to += more);
        };
        // Below to the left, below, below to the right, and to the right.
        if self.x > 0 {
            add(&mut self.errors[self.x], times(3));
        }
        self.errors[self.x + 1] = std::mem::replace(&mut self.below, error);
        add(&mut self.errors[self.x + 1], times(5));
        self.right = times(7);
        self.x += 1;
        if self.x == self.width {
            (self.x, self.right, self.below) = (0, [0; 3], [0; 3]);
        }
        index
    }
}

#[derive(Clone, Copy)]
enum Pixels<'a> {
    Rgb(&'a [[u8; 3]]),
    Rgba(&'a [Rgba]),
}

impl<'a> Pixels<'a> {
    fn of(picture: &'a Picture, range: std::ops::Range<usize>) -> Result<Self, Error> {
        let bytes = picture.samples.bytes();
        if picture.layout.has_alpha() {
            bytes.as_chunks().0.get(range).map(Pixels::Rgba).ok_or(Error::Internal)
        } else {
            bytes.as_chunks().0.get(range).map(Pixels::Rgb).ok_or(Error::Internal)
        }
    }

    /// Whether `accept` took all of them.
    #[inline]
    fn all(self, mut accept: impl FnMut(Rgba) -> bool) -> bool {
        match self {
            Pixels::Rgb(pixels) => pixels.iter().all(|&[r, g, b]| accept([r, g, b, 255])),
            Pixels::Rgba(pixels) => pixels.iter().all(|&pixel| accept(pixel)),
        }
    }
}
