//! RGB or CMYK of 8 or 16 bits to sRGB by a color lookup table: the colors at some points of a
//! grid, and straight lines between them.

use pulp::{Arch, Simd, WithSimd};

use super::transfer::clamp;
use crate::Error;

/// How many points a grid has along each channel, from none to all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grid {
    /// Of CMYK.
    Five,
    /// Of CMYK.
    Sixteen,
    /// Of RGB.
    ThirtyThree,
}

const FIVE: usize = 5;
const SIXTEEN: usize = 16;
const THIRTY_THREE: usize = 33;

impl Grid {
    const fn points(self) -> usize {
        match self {
            Grid::Five => FIVE,
            Grid::Sixteen => SIXTEEN,
            Grid::ThirtyThree => THIRTY_THREE,
        }
    }
}

/// What a grid of so many points has.
const fn channels(points: usize) -> usize {
    if points == THIRTY_THREE { 3 } else { 4 }
}

/// How far the next point of a channel is in a table, of each of the bits that tell the channels
/// apart, the highest first. Of CMYK, each channel has room for 16 points.
const fn strides(points: usize) -> [u16; 4] {
    if points == THIRTY_THREE { [33 * 33, 33, 1, 0] } else { [1 << 12, 1 << 8, 1 << 4, 1] }
}

const COLORS: usize = 1 << 16;

/// How many pixels are weighed at a time.
const PIXELS: usize = 64;

/// What it takes in memory.
pub(super) const BYTES: u64 = COLORS as u64 * 8;

pub(crate) struct Clut<S: Channel> {
    colors: Box<[S::Color; COLORS]>,
    grid: Grid,
}

/// A sample of a pixel, and of a color.
pub(crate) trait Channel: Copy + Default {
    /// A color of a table, which is made with the sum of all weights.
    type Color: Copy + Default;
    fn color(rgb: &[f32; 3], between: u16) -> Self::Color;

    fn number(self) -> u16;
    /// What is between one point and the next: the sum of all weights.
    fn between(points: usize) -> u16;
    /// The point below a number, and the distance from there.
    fn split<const POINTS: usize>(number: u16) -> (u16, u16);
    /// The color of each pixel, with nothing after it, of so many around it.
    fn weigh<const CORNERS: usize>(
        colors: &[Self::Color; COLORS],
        corners: &Corners,
        to: &mut [[Self; 4]; PIXELS],
    );
}

/// 255 is 15 times 17, so that with 16 points every byte is a whole number of seventeenths away
/// from the point below it, and no weight is rounded. With others, weights are 256ths.
///
/// Red, green and blue are in one number. A channel has 21 bits, of which 13 come after the point
/// once it is weighed.
impl Channel for u8 {
    type Color = u64;

    fn color(rgb: &[f32; 3], between: u16) -> u64 {
        let scale = 255.0 * (1 << FRACTION) as f32 / f32::from(between);
        let channel = |(c, place): (&f32, u32)| ((clamp(*c) * scale + 0.5) as u64) << place;
        rgb.iter().zip(PLACES).map(channel).sum()
    }

    #[inline(always)]
    fn number(self) -> u16 {
        self.into()
    }

    fn between(points: usize) -> u16 {
        if points == SIXTEEN { 17 } else { 256 }
    }

    #[inline(always)]
    fn split<const POINTS: usize>(number: u16) -> (u16, u16) {
        if POINTS == SIXTEEN {
            // A seventeenth, exact for every byte.
            let point = number.wrapping_mul(241) >> 12;
            return (point, number.wrapping_sub(point.wrapping_mul(17)));
        }
        // 256 / 255 of it for each step of the grid, to the nearest.
        let whole = number.wrapping_mul((POINTS - 1) as u16);
        let more = whole.wrapping_add(128);
        let parts = whole.wrapping_add(more.wrapping_add(more >> 8) >> 8);
        (parts >> 8, parts & 255)
    }

    #[inline(always)]
    fn weigh<const CORNERS: usize>(
        colors: &[u64; COLORS],
        Corners { at, weights }: &Corners,
        to: &mut [[u8; 4]; PIXELS],
    ) {
        let ([a, b, c, d, e], [v, w, x, y, z]) = (at, weights);
        let part = |at: u16, weight: u16| colors[usize::from(at)] * u64::from(weight);
        for (pixel, to) in to.iter_mut().enumerate() {
            let sum = part(a[pixel], v[pixel])
                + part(b[pixel], w[pixel])
                + part(c[pixel], x[pixel])
                + part(d[pixel], y[pixel])
                + if CORNERS == 5 { part(e[pixel], z[pixel]) } else { 0 }
                + HALVES;
            let [red, green, blue] = PLACES.map(|place| (sum >> (place + FRACTION)) as u8);
            *to = [red, green, blue, 0];
        }
    }
}

/// Where red, green and blue are in a color of bytes.
const PLACES: [u32; 3] = [0, 21, 42];
const FRACTION: u32 = 13;
const HALVES: u64 = 1 << 12 | 1 << (21 + 12) | 1 << (42 + 12);

/// Weights are 4,096ths.
impl Channel for u16 {
    /// Red, green, blue, and nothing.
    type Color = [u16; 4];

    fn color(rgb: &[f32; 3], _between: u16) -> [u16; 4] {
        let [r, g, b] = rgb.map(|c| (clamp(c) * 65_535.0 + 0.5) as u16);
        [r, g, b, 0]
    }

    #[inline(always)]
    fn number(self) -> u16 {
        self
    }

    fn between(_points: usize) -> u16 {
        1 << WEIGHT_BITS
    }

    #[inline(always)]
    fn split<const POINTS: usize>(number: u16) -> (u16, u16) {
        // All of a channel is the last point. To the nearest.
        let whole = u32::from(number) + u32::from(number >> 15);
        const BITS: u32 = 16 - WEIGHT_BITS;
        let parts = (whole * (POINTS - 1) as u32 + (1 << (BITS - 1))) >> BITS;
        ((parts >> WEIGHT_BITS) as u16, (parts & ((1 << WEIGHT_BITS) - 1)) as u16)
    }

    /// All four numbers of a color, of which compilers make one vector.
    #[inline(always)]
    fn weigh<const CORNERS: usize>(
        colors: &[[u16; 4]; COLORS],
        Corners { at, weights }: &Corners,
        to: &mut [[u16; 4]; PIXELS],
    ) {
        for (pixel, to) in to.iter_mut().enumerate() {
            let mut sum = [1 << (WEIGHT_BITS - 1); 4];
            for (at, weights) in at.iter().zip(weights).take(CORNERS) {
                let color = colors[usize::from(at[pixel])];
                for (sum, color) in sum.iter_mut().zip(color) {
                    *sum += u32::from(color) * u32::from(weights[pixel]);
                }
            }
            *to = sum.map(|sum: u32| (sum >> WEIGHT_BITS) as u16);
        }
    }
}

/// With the number of a channel, a distance has 16 bits.
const WEIGHT_BITS: u32 = 12;

impl<S: Channel> Clut<S> {
    /// From what makes samples from 0 to 1, as many a pixel as the grid has channels, encoded sRGB,
    /// three.
    pub(super) fn new(
        grid: Grid,
        mut to_rgb: impl FnMut(&[f32], &mut [f32]) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut colors = Vec::new();
        colors.try_reserve_exact(COLORS).map_err(|_| Error::OutOfMemory)?;
        colors.resize(COLORS, S::Color::default());
        let mut colors: Box<[S::Color; COLORS]> =
            colors.into_boxed_slice().try_into().map_err(|_| Error::Internal)?;
        let points = grid.points();
        let (channels, strides) = (channels(points), strides(points));
        let sample = |point: usize| point as f32 / (points - 1) as f32;
        // All points of the last channel at a time, which are side by side.
        let (mut samples, mut made) = ([0.0; 4 * THIRTY_THREE], [0.0; 3 * THIRTY_THREE]);
        let (samples, made) = (&mut samples[..channels * points], &mut made[..3 * points]);
        for line in 0..points.pow(channels as u32 - 1) {
            let (mut rest, mut start) = (line, 0);
            let mut before = [0.0; 3];
            for channel in (0..channels - 1).rev() {
                before[channel] = sample(rest % points);
                start += rest % points * usize::from(strides[channel]);
                rest /= points;
            }
            for (point, pixel) in samples.chunks_exact_mut(channels).enumerate() {
                pixel[..channels - 1].copy_from_slice(&before[..channels - 1]);
                pixel[channels - 1] = sample(point);
            }
            to_rgb(samples, made)?;
            for (color, rgb) in colors[start..].iter_mut().zip(made.as_chunks().0) {
                *color = S::color(rgb, S::between(points));
            }
        }
        Ok(Clut { colors, grid })
    }

    /// Each color is between four or five of the table, which are found by the order of the
    /// channels' distances from the points below, the largest first. This is worked out for many
    /// pixels at once.
    ///
    /// Of three samples a pixel, or of four: of RGB, the last of them is alpha, and stays.
    pub(super) fn run(&self, from: &[S], channels: u8, to: &mut [S]) {
        let (colors, arch) = (&*self.colors, Arch::new());
        match (self.grid, channels) {
            (Grid::Five, _) => arch.dispatch(Run::<S, FIVE, 4, 3> { colors, from, to }),
            (Grid::Sixteen, _) => arch.dispatch(Run::<S, SIXTEEN, 4, 3> { colors, from, to }),
            (Grid::ThirtyThree, 3) => {
                arch.dispatch(Run::<S, THIRTY_THREE, 3, 3> { colors, from, to });
            }
            (Grid::ThirtyThree, _) => {
                arch.dispatch(Run::<S, THIRTY_THREE, 4, 4> { colors, from, to });
            }
        }
    }
}

/// What runs with the vectors that the machine has.
struct Run<'a, S: Channel, const POINTS: usize, const FROM: usize, const TO: usize> {
    colors: &'a [S::Color; COLORS],
    from: &'a [S],
    to: &'a mut [S],
}

impl<S: Channel, const POINTS: usize, const FROM: usize, const TO: usize> WithSimd
    for Run<'_, S, POINTS, FROM, TO>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<V: Simd>(self, _: V) {
        let (from, to) = (self.from.as_chunks::<FROM>().0, self.to.as_chunks_mut::<TO>().0);
        let mut last = [[S::default(); FROM]; PIXELS];
        let mut corners = Corners::default();
        let mut made = [[S::default(); 4]; PIXELS];
        for (from, to) in from.chunks(PIXELS).zip(to.chunks_mut(PIXELS)) {
            let pixels = from.try_into().unwrap_or_else(|_| {
                last[..from.len()].copy_from_slice(from);
                &last
            });
            corners.find::<S, POINTS, FROM>(pixels);
            if channels(POINTS) == 3 {
                S::weigh::<4>(self.colors, &corners, &mut made);
            } else {
                S::weigh::<5>(self.colors, &corners, &mut made);
            }
            for ((to, from), made) in to.iter_mut().zip(from).zip(&made) {
                to[..3].copy_from_slice(&made[..3]);
                if TO == 4 {
                    to[3] = from[3];
                }
            }
        }
    }
}

/// The colors around each pixel's, and their weights. RGB has no fifth.
pub(crate) struct Corners {
    at: [[u16; PIXELS]; 5],
    weights: [[u16; PIXELS]; 5],
}

impl Default for Corners {
    fn default() -> Self {
        Corners { at: [[0; PIXELS]; 5], weights: [[0; PIXELS]; 5] }
    }
}

impl Corners {
    /// Written so that compilers make vectors of it: numbers of 16 bits, and no branches.
    #[inline(always)]
    fn find<S: Channel, const POINTS: usize, const SAMPLES: usize>(
        &mut self,
        pixels: &[[S; SAMPLES]; PIXELS],
    ) {
        let mut planes = [[0u16; PIXELS]; 4];
        for (channel, plane) in planes.iter_mut().enumerate().take(channels(POINTS)) {
            for (number, pixel) in plane.iter_mut().zip(pixels) {
                *number = pixel[channel].number();
            }
        }
        let [first, second, third, fourth] = &planes;
        let [at0, at1, at2, at3, at4] = &mut self.at;
        let [weight0, weight1, weight2, weight3, weight4] = &mut self.weights;
        for pixel in 0..PIXELS {
            // Four bits tell the channels apart.
            let numbered = |sample: u16, number: u16| {
                let (point, distance) = S::split::<POINTS>(sample);
                (point.wrapping_mul(stride::<POINTS>(number)), distance << 4 | number)
            };
            let (a, first) = numbered(first[pixel], 8);
            let (b, second) = numbered(second[pixel], 4);
            let (c, third) = numbered(third[pixel], 2);
            let (d, fourth) = numbered(fourth[pixel], 1);
            // A network of five comparisons sorts four.
            let (first, second) = sorted(first, second);
            let (third, fourth) = sorted(third, fourth);
            let (first, third) = sorted(first, third);
            let (second, fourth) = sorted(second, fourth);
            let (second, third) = sorted(second, third);

            at0[pixel] = a.wrapping_add(b).wrapping_add(c).wrapping_add(d);
            at1[pixel] = at0[pixel].wrapping_add(stride::<POINTS>(first));
            at2[pixel] = at1[pixel].wrapping_add(stride::<POINTS>(second));
            at3[pixel] = at2[pixel].wrapping_add(stride::<POINTS>(third));
            at4[pixel] = at3[pixel].wrapping_add(stride::<POINTS>(fourth));

            weight0[pixel] = S::between(POINTS) - (first >> 4);
            weight1[pixel] = (first >> 4) - (second >> 4);
            weight2[pixel] = (second >> 4) - (third >> 4);
            weight3[pixel] = (third >> 4) - (fourth >> 4);
            weight4[pixel] = fourth >> 4;
        }
    }
}

/// The larger first.
#[inline(always)]
fn sorted(a: u16, b: u16) -> (u16, u16) {
    (a.max(b), a.min(b))
}

/// Of the channel that a distance is numbered with.
#[inline(always)]
fn stride<const POINTS: usize>(distance: u16) -> u16 {
    let [first, second, third, fourth] = strides(POINTS);
    let of = |bit: u16, stride: u16| if distance & bit == 0 { 0 } else { stride };
    of(8, first) | of(4, second) | of(2, third) | of(1, fourth)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRIDS: [Grid; 3] = [Grid::Five, Grid::Sixteen, Grid::ThirtyThree];

    /// Of RGB, the fourth number is none of an ink.
    fn table<S: Channel>(grid: Grid, color: impl Fn([f32; 4]) -> [f32; 3]) -> Clut<S> {
        let made = Clut::new(grid, |from, to| {
            let pixels = from.chunks_exact(channels(grid.points()));
            for (pixel, to) in pixels.zip(to.as_chunks_mut::<3>().0) {
                let mut samples = [0.0; 4];
                samples[..pixel.len()].copy_from_slice(pixel);
                *to = color(samples);
            }
            Ok(())
        });
        made.unwrap_or_else(|error| unreachable!("{error:?}"))
    }

    /// Of RGB, with alpha.
    fn shown<S: Channel + PartialEq + std::fmt::Debug>(
        table: &Clut<S>,
        pixels: &[[S; 4]],
    ) -> Vec<[S; 3]> {
        if channels(table.grid.points()) == 4 {
            let mut out = vec![[S::default(); 3]; pixels.len()];
            table.run(pixels.as_flattened(), 4, out.as_flattened_mut());
            return out;
        }
        let mut out = vec![[S::default(); 4]; pixels.len()];
        table.run(pixels.as_flattened(), 4, out.as_flattened_mut());
        assert!(out.iter().zip(pixels).all(|(to, from)| to[3] == from[3]));
        let three = |pixels: &[[S; 4]]| pixels.iter().map(|&[r, g, b, _]| [r, g, b]).collect();
        let (opaque, expected): (Vec<[S; 3]>, Vec<[S; 3]>) = (three(pixels), three(&out));
        let mut out = vec![[S::default(); 3]; pixels.len()];
        table.run(opaque.as_flattened(), 3, out.as_flattened_mut());
        assert_eq!(out, expected);
        out
    }

    /// All orders of channels, of a number that is no multiple of what is done at a time.
    fn pixels() -> Vec<[u8; 4]> {
        let mut state = 1u32;
        let mut chance = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()
        };
        let mut pixels: Vec<[u8; 4]> = (0..20_003).map(|_| chance()).collect();
        pixels.extend((0..=255).flat_map(|sample| {
            [[sample, 0, 255, 255], [0, sample, 0, 0], [255, 255, sample, sample], [sample; 4]]
        }));
        pixels
    }

    fn linear([c, m, y, k]: [f32; 4]) -> [f32; 3] {
        [c, 1.0 - m, (y + k) / 2.0]
    }

    /// Without what is alpha to a grid.
    fn of(grid: Grid, [c, m, y, k]: [f32; 4]) -> [f32; 4] {
        [c, m, y, if channels(grid.points()) == 4 { k } else { 0.0 }]
    }

    #[test]
    fn what_is_linear_is_exact_for_every_byte_and_every_order_of_channels() {
        let pixels = pixels();
        for grid in GRIDS {
            let table = table(grid, linear);
            for (pixel, color) in pixels.iter().zip(shown(&table, &pixels)) {
                assert_eq!(color[..2], [pixel[0], 255 - pixel[1]], "{grid:?} {pixel:?}");
                let [_, _, blue] = linear(of(grid, pixel.map(f32::from)));
                assert!((f32::from(color[2]) - blue).abs() < 0.65, "{grid:?} {pixel:?}: {color:?}");
            }
        }
    }

    #[test]
    fn what_is_linear_is_within_a_step_of_14_bits_for_words() {
        let words = |[c, m, y, k]: [u8; 4]| {
            let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
            [word(c, y), word(m, c), word(y, k), word(k, m)]
        };
        let pixels: Vec<[u16; 4]> = pixels().into_iter().map(words).collect();
        for (grid, most) in [(Grid::Five, 3.1), (Grid::Sixteen, 1.6), (Grid::ThirtyThree, 1.6)] {
            let table = table(grid, linear);
            for (pixel, color) in pixels.iter().zip(shown(&table, &pixels)) {
                let expected = linear(of(grid, pixel.map(|sample| f32::from(sample) / 65_535.0)));
                for (found, expected) in color.iter().zip(expected) {
                    let far = (f32::from(*found) - expected * 65_535.0).abs();
                    assert!(far <= most, "{grid:?} {pixel:?}: {color:?} {expected}");
                }
            }
            let ends = shown(&table, &[[0, 65_535, 0, 0], [65_535, 0, 65_535, 65_535]]);
            let blue = linear(of(grid, [1.0; 4]))[2] * 65_535.0 + 0.5;
            assert_eq!(ends, [[0; 3], [65_535, 65_535, blue as u16]]);
        }
    }

    #[test]
    fn colors_of_the_table_are_hit() {
        let color = |[c, m, y, k]: [f32; 4]| {
            let light = (1.0 - c * c) * (1.0 - m * m) * (1.0 - y * y) * (1.0 - k * k);
            [light, light * c, 1.0 - light]
        };
        for (grid, steps) in [(Grid::Sixteen, 15), (Grid::ThirtyThree, 32)] {
            let (bytes, words) = (table(grid, color), table(grid, color));
            for points in [[0, 0, 0, 0], [15, 15, 15, 15], [3, 0, 7, 1], [0, 15, 0, 2]] {
                let sample = |most: u32| points.map(|point| (2 * point * most + steps) / steps / 2);
                let near = |found: f32, expected: f32, step: f32| {
                    // Where a point is between two samples.
                    let most = if grid == Grid::Sixteen { 0.51 } else { step };
                    assert!((found - expected).abs() <= most, "{grid:?} {points:?} {found}");
                };
                let expected = color(of(grid, points.map(|point| point as f32 / steps as f32)));
                let bytes = shown(&bytes, &[sample(255).map(|s| s as u8)]);
                let words = shown(&words, &[sample(65_535).map(|s| s as u16)]);
                for (channel, expected) in expected.into_iter().enumerate() {
                    near(bytes[0][channel].into(), expected * 255.0, 1.5);
                    near(words[0][channel].into(), expected * 65_535.0, 2.0);
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_or_out_of_range_stays_in_its_channel() {
        for grid in GRIDS {
            let made = table(grid, |_| [f32::NAN, 7.0, -3.0]);
            assert_eq!(shown(&made, &[[9u8, 99, 199, 255]]), [[0, 255, 0]]);
            let made = table(grid, |_| [f32::NAN, 7.0, -3.0]);
            assert_eq!(shown(&made, &[[9u16, 999, 19_999, 65_535]]), [[0, 65_535, 0]]);
        }
    }
}
