//! CMYK of 8 or 16 bits to sRGB: a table of the colors at some amounts of each ink, and straight
//! lines between them.

use pulp::{Arch, Simd, WithSimd};

use super::transfer::clamp;
use crate::Error;

/// How many amounts of each ink a table has, from none to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amounts {
    Five,
    Sixteen,
}

impl Amounts {
    const fn count(self) -> usize {
        match self {
            Amounts::Five => FIVE,
            Amounts::Sixteen => SIXTEEN,
        }
    }
}

const FIVE: usize = 5;
const SIXTEEN: usize = 16;

/// How far the next amount of an ink is in a table, which has room for 16 of them. Four bits tell
/// the inks apart.
const STRIDES: [usize; 4] = [1 << 12, 1 << 8, 1 << 4, 1];

const COLORS: usize = 1 << 16;

/// How many pixels are weighed at a time.
const PIXELS: usize = 64;

/// What it takes in memory.
pub(super) const BYTES: u64 = COLORS as u64 * 8;

pub(crate) struct InkTable<S: Ink> {
    colors: Box<[S::Color; COLORS]>,
    amounts: Amounts,
}

/// A sample of an ink, and of a color.
pub(crate) trait Ink: Copy + Default {
    /// A color of a table, which is made with the sum of all weights.
    type Color: Copy + Default;
    fn color(rgb: &[f32; 3], between: u16) -> Self::Color;

    fn number(self) -> u16;
    /// What is between one amount and the next: the sum of all weights.
    fn between(count: usize) -> u16;
    /// The amount below an ink's number, and the distance from there.
    fn split<const COUNT: usize>(number: u16) -> (u16, u16);
    fn weigh(colors: &[Self::Color; COLORS], corners: &Corners, to: &mut [[Self; 3]]);
}

/// 255 is 15 times 17, so that with 16 amounts every byte is a whole number of seventeenths away
/// from the amount below it, and no weight is rounded. With 5, weights are 256ths.
///
/// Red, green and blue are in one number. A channel has 21 bits, of which 13 come after the point
/// once it is weighed.
impl Ink for u8 {
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

    fn between(count: usize) -> u16 {
        if count == SIXTEEN { 17 } else { 256 }
    }

    #[inline(always)]
    fn split<const COUNT: usize>(number: u16) -> (u16, u16) {
        if COUNT == SIXTEEN {
            // A seventeenth, exact for every byte.
            let amount = number.wrapping_mul(241) >> 12;
            return (amount, number.wrapping_sub(amount.wrapping_mul(17)));
        }
        // 4 * 256 / 255 of it, to the nearest.
        let more = number.wrapping_mul(4).wrapping_add(128);
        let quarters = number.wrapping_mul(4).wrapping_add(more.wrapping_add(more >> 8) >> 8);
        (quarters >> 8, quarters & 255)
    }

    #[inline(always)]
    fn weigh(colors: &[u64; COLORS], Corners { at, weights }: &Corners, to: &mut [[u8; 3]]) {
        let ([a, b, c, d, e], [v, w, x, y, z]) = (at, weights);
        let part = |at: u16, weight: u16| colors[usize::from(at)] * u64::from(weight);
        for (pixel, to) in to.iter_mut().enumerate().take(PIXELS) {
            let sum = part(a[pixel], v[pixel])
                + part(b[pixel], w[pixel])
                + part(c[pixel], x[pixel])
                + part(d[pixel], y[pixel])
                + part(e[pixel], z[pixel])
                + HALVES;
            *to = PLACES.map(|place| (sum >> (place + FRACTION)) as u8);
        }
    }
}

/// Where red, green and blue are in a color of bytes.
const PLACES: [u32; 3] = [0, 21, 42];
const FRACTION: u32 = 13;
const HALVES: u64 = 1 << 12 | 1 << (21 + 12) | 1 << (42 + 12);

/// Weights are 4,096ths.
impl Ink for u16 {
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

    fn between(_count: usize) -> u16 {
        1 << WEIGHT_BITS
    }

    #[inline(always)]
    fn split<const COUNT: usize>(number: u16) -> (u16, u16) {
        // What all of an ink is times this ends just above a whole amount.
        let times = ((COUNT - 1) << WEIGHT_BITS) as u32 + 1;
        let parts = ((u32::from(number) * times) >> 16) as u16;
        (parts >> WEIGHT_BITS, parts & ((1 << WEIGHT_BITS) - 1))
    }

    /// All four numbers of a color, of which compilers make one vector.
    #[inline(always)]
    fn weigh(colors: &[[u16; 4]; COLORS], Corners { at, weights }: &Corners, to: &mut [[u16; 3]]) {
        let mut sums = [[0u32; 4]; PIXELS];
        for (pixel, sums) in sums.iter_mut().enumerate() {
            let mut sum = [1 << (WEIGHT_BITS - 1); 4];
            for (at, weights) in at.iter().zip(weights) {
                let color = colors[usize::from(at[pixel])];
                for (sum, color) in sum.iter_mut().zip(color) {
                    *sum += u32::from(color) * u32::from(weights[pixel]);
                }
            }
            *sums = sum;
        }
        for (to, &[r, g, b, _]) in to.iter_mut().zip(&sums) {
            *to = [r, g, b].map(|sum| (sum >> WEIGHT_BITS) as u16);
        }
    }
}

/// With the number of an ink, a distance has 16 bits.
const WEIGHT_BITS: u32 = 12;

impl<S: Ink> InkTable<S> {
    /// From what makes inks from 0 to 1, four a pixel, encoded sRGB, three.
    pub(super) fn new(
        amounts: Amounts,
        mut to_rgb: impl FnMut(&[f32], &mut [f32]) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut colors = Vec::new();
        colors.try_reserve_exact(COLORS).map_err(|_| Error::OutOfMemory)?;
        colors.resize(COLORS, S::Color::default());
        let mut colors: Box<[S::Color; COLORS]> =
            colors.into_boxed_slice().try_into().map_err(|_| Error::Internal)?;
        let count = amounts.count();
        let ink = |amount: usize| amount as f32 / (count - 1) as f32;
        // All amounts of black at a time.
        let (mut inks, mut made) = ([0.0; 4 * 16], [0.0; 3 * 16]);
        for others in 0..count.pow(3) {
            let [c, m, y] = [others / count / count, others / count % count, others % count];
            for (k, inks) in inks.as_chunks_mut().0.iter_mut().enumerate() {
                *inks = [ink(c), ink(m), ink(y), ink(k)];
            }
            let (inks, made) = (&inks[..4 * count], &mut made[..3 * count]);
            to_rgb(inks, made)?;
            let at = c * STRIDES[0] + m * STRIDES[1] + y * STRIDES[2];
            for (color, rgb) in colors[at..].iter_mut().zip(made.as_chunks().0) {
                *color = S::color(rgb, S::between(count));
            }
        }
        Ok(InkTable { colors, amounts })
    }

    /// Each color is between five of the table, which are found by the order of the inks' distances
    /// from the amounts below, the largest first. This is worked out for many pixels at once.
    pub(super) fn run(&self, from: &[S], to: &mut [S]) {
        match self.amounts {
            Amounts::Five => Arch::new().dispatch(Run::<S, FIVE> { table: self, from, to }),
            Amounts::Sixteen => Arch::new().dispatch(Run::<S, SIXTEEN> { table: self, from, to }),
        }
    }
}

/// What runs with the vectors that the machine has.
struct Run<'a, S: Ink, const COUNT: usize> {
    table: &'a InkTable<S>,
    from: &'a [S],
    to: &'a mut [S],
}

impl<S: Ink, const COUNT: usize> WithSimd for Run<'_, S, COUNT> {
    type Output = ();

    #[inline(always)]
    fn with_simd<V: Simd>(self, _: V) {
        let mut last = [S::default(); 4 * PIXELS];
        let mut corners = Corners::default();
        let pieces = self.from.chunks(4 * PIXELS).zip(self.to.chunks_mut(3 * PIXELS));
        for (from, to) in pieces {
            let inks = from.try_into().unwrap_or_else(|_| {
                last[..from.len()].copy_from_slice(from);
                &last
            });
            corners.find::<S, COUNT>(inks);
            S::weigh(&self.table.colors, &corners, to.as_chunks_mut().0);
        }
    }
}

/// The five colors around each pixel's, and their weights.
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
    fn find<S: Ink, const COUNT: usize>(&mut self, inks: &[S; 4 * PIXELS]) {
        let mut planes = [[0u16; PIXELS]; 4];
        let [cyan, magenta, yellow, black] = &mut planes;
        let places = cyan.iter_mut().zip(magenta).zip(yellow).zip(black);
        for ((((c, m), y), k), pixel) in places.zip(inks.as_chunks::<4>().0) {
            [*c, *m, *y, *k] = pixel.map(S::number);
        }
        let [cyan, magenta, yellow, black] = &planes;
        let [at0, at1, at2, at3, at4] = &mut self.at;
        let [weight0, weight1, weight2, weight3, weight4] = &mut self.weights;
        for pixel in 0..PIXELS {
            // The fourth power of an ink's number is its stride.
            let numbered = |ink: u16, number: u16| {
                let (amount, distance) = S::split::<COUNT>(ink);
                (amount, distance << 4 | number)
            };
            let (c, first) = numbered(cyan[pixel], 8);
            let (m, second) = numbered(magenta[pixel], 4);
            let (y, third) = numbered(yellow[pixel], 2);
            let (k, fourth) = numbered(black[pixel], 1);
            // A network of five comparisons sorts four.
            let (first, second) = sorted(first, second);
            let (third, fourth) = sorted(third, fourth);
            let (first, third) = sorted(first, third);
            let (second, fourth) = sorted(second, fourth);
            let (second, third) = sorted(second, third);

            at0[pixel] = c << 12 | m << 8 | y << 4 | k;
            at1[pixel] = at0[pixel].wrapping_add(stride(first));
            at2[pixel] = at1[pixel].wrapping_add(stride(second));
            at3[pixel] = at2[pixel].wrapping_add(stride(third));
            at4[pixel] = at3[pixel].wrapping_add(stride(fourth));

            weight0[pixel] = S::between(COUNT) - (first >> 4);
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

#[inline(always)]
fn stride(distance: u16) -> u16 {
    let number = distance & 15;
    let square = number.wrapping_mul(number);
    square.wrapping_mul(square)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table<S: Ink>(amounts: Amounts, color: impl Fn([f32; 4]) -> [f32; 3]) -> InkTable<S> {
        let made = InkTable::new(amounts, |from, to| {
            for (from, to) in from.as_chunks::<4>().0.iter().zip(to.as_chunks_mut::<3>().0) {
                *to = color(*from);
            }
            Ok(())
        });
        made.unwrap_or_else(|error| unreachable!("{error:?}"))
    }

    fn shown<S: Ink>(table: &InkTable<S>, inks: &[[S; 4]]) -> Vec<[S; 3]> {
        let mut out = vec![[S::default(); 3]; inks.len()];
        table.run(inks.as_flattened(), out.as_flattened_mut());
        out
    }

    /// All orders of inks, of a number that is no multiple of what is done at a time.
    fn inks() -> Vec<[u8; 4]> {
        let mut state = 1u32;
        let mut chance = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()
        };
        let mut inks: Vec<[u8; 4]> = (0..20_003).map(|_| chance()).collect();
        inks.extend(
            (0..=255).flat_map(|ink| {
                [[ink, 0, 255, 255], [0, ink, 0, 0], [255, 255, ink, ink], [ink; 4]]
            }),
        );
        inks
    }

    fn linear([c, m, y, k]: [f32; 4]) -> [f32; 3] {
        [c, 1.0 - m, (y + k) / 2.0]
    }

    #[test]
    fn what_is_linear_is_exact_for_every_byte_and_every_order_of_inks() {
        let inks = inks();
        for amounts in [Amounts::Five, Amounts::Sixteen] {
            let table = table(amounts, linear);
            for (inks, color) in inks.iter().zip(shown(&table, &inks)) {
                let [c, m, y, k] = *inks;
                assert_eq!(color[..2], [c, 255 - m], "{inks:?}");
                let blue = (u16::from(y) + u16::from(k)) as f32 / 2.0;
                assert!((f32::from(color[2]) - blue).abs() < 0.65, "{inks:?}: {color:?}");
            }
        }
    }

    #[test]
    fn what_is_linear_is_within_a_step_of_14_bits_for_words() {
        let words = |[c, m, y, k]: [u8; 4]| {
            let word = |high: u8, low: u8| u16::from_be_bytes([high, low]);
            [word(c, y), word(m, c), word(y, k), word(k, m)]
        };
        let inks: Vec<[u16; 4]> = inks().into_iter().map(words).collect();
        for (amounts, most) in [(Amounts::Five, 4.0), (Amounts::Sixteen, 1.6)] {
            let table = table(amounts, linear);
            for (inks, color) in inks.iter().zip(shown(&table, &inks)) {
                let expected = linear(inks.map(|ink| f32::from(ink) / 65_535.0));
                for (found, expected) in color.iter().zip(expected) {
                    let far = (f32::from(*found) - expected * 65_535.0).abs();
                    assert!(far <= most, "{amounts:?} {inks:?}: {color:?} {expected}");
                }
            }
            let ends = shown(&table, &[[0, 65_535, 0, 0], [65_535, 0, 65_535, 65_535]]);
            assert_eq!(ends, [[0; 3], [65_535; 3]]);
        }
    }

    #[test]
    fn colors_of_the_table_are_hit() {
        let color = |inks: [f32; 4]| {
            let light: f32 = inks.iter().map(|ink| 1.0 - ink * ink).product();
            [light, light * inks[0], 1.0 - light]
        };
        let (bytes, words) = (table(Amounts::Sixteen, color), table(Amounts::Sixteen, color));
        for amounts in [[0, 0, 0, 0], [15, 15, 15, 15], [3, 0, 7, 1], [0, 15, 0, 2]] {
            let expected = color(amounts.map(|amount| f32::from(amount) / 15.0));
            let inks = amounts.map(|amount: u8| amount * 17);
            assert_eq!(shown(&bytes, &[inks]), [expected.map(|c| (c * 255.0).round() as u8)]);
            let inks = inks.map(|ink| u16::from(ink) * 257);
            assert_eq!(shown(&words, &[inks]), [expected.map(|c| (c * 65_535.0).round() as u16)]);
        }
    }

    #[test]
    fn what_is_no_number_or_out_of_range_stays_in_its_channel() {
        for amounts in [Amounts::Five, Amounts::Sixteen] {
            let made = table(amounts, |_| [f32::NAN, 7.0, -3.0]);
            assert_eq!(shown(&made, &[[9u8, 99, 199, 255]]), [[0, 255, 0]]);
            let made = table(amounts, |_| [f32::NAN, 7.0, -3.0]);
            assert_eq!(shown(&made, &[[9u16, 999, 19_999, 65_535]]), [[0, 65_535, 0]]);
        }
    }
}
