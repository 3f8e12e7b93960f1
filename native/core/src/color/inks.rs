//! Bytes of CMYK with a profile to sRGB: a table of the colors at 16 amounts of each ink, and
//! straight lines between them. 255 is 15 times 17, so that every byte is a whole number of
//! seventeenths away from the amount below it, and no weight is rounded.

use super::transfer::clamp;
use crate::Error;

/// Amounts of each ink, and the steps of a byte from one to the next.
const AMOUNTS: usize = 16;
const BETWEEN: u16 = 17;

/// How far the next amount of an ink is in the table. Four bits tell the inks apart.
const STRIDES: [usize; 4] = [AMOUNTS.pow(3), AMOUNTS.pow(2), AMOUNTS, 1];

const COLORS: usize = AMOUNTS.pow(4);

/// Where red, green and blue are in a color, and what a byte of one is multiplied with. All weights
/// together are 17, and a channel has 21 bits: 255 fits.
const PLACES: [u32; 3] = [0, 21, 42];
const SCALE: f32 = 8_192.0;
const HALVES: u64 = 1 << 12 | 1 << (21 + 12) | 1 << (42 + 12);

/// How many pixels are weighed at a time.
const PIXELS: usize = 64;

/// What it takes in memory.
pub(super) const BYTES: u64 = COLORS as u64 * 8;

pub(crate) struct InkTable(Box<[u64; COLORS]>);

impl InkTable {
    /// From what makes inks from 0 to 1, four a pixel, encoded sRGB, three.
    pub(super) fn new(
        mut to_rgb: impl FnMut(&[f32], &mut [f32]) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut colors = Vec::new();
        colors.try_reserve_exact(COLORS).map_err(|_| Error::OutOfMemory)?;
        let (mut inks, mut made) = ([0.0; 4 * PIXELS], [0.0; 3 * PIXELS]);
        for start in (0..COLORS).step_by(PIXELS) {
            for (pixel, inks) in inks.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *inks = STRIDES.map(|stride| {
                    ((start + pixel) / stride % AMOUNTS) as f32 / (AMOUNTS - 1) as f32
                });
            }
            to_rgb(&inks, &mut made)?;
            colors.extend(made.as_chunks::<3>().0.iter().map(packed));
        }
        let colors = colors.into_boxed_slice().try_into().map_err(|_| Error::Internal)?;
        Ok(InkTable(colors))
    }

    /// Each color is between five of the table, which are found by the order of the inks' distances
    /// from the amounts below, the largest first. This is worked out for many pixels at once.
    pub(super) fn run(&self, from: &[u8], to: &mut [u8]) {
        let mut last = [0; 4 * PIXELS];
        let mut corners = Corners::default();
        for (from, to) in from.chunks(4 * PIXELS).zip(to.chunks_mut(3 * PIXELS)) {
            let inks = from.try_into().unwrap_or_else(|_| {
                last[..from.len()].copy_from_slice(from);
                &last
            });
            corners.find(inks);
            self.weigh(&corners, to);
        }
    }

    fn weigh(&self, Corners { at, weights }: &Corners, to: &mut [u8]) {
        let ([a, b, c, d, e], [v, w, x, y, z]) = (at, weights);
        let part = |at: u16, weight: u16| self.0[usize::from(at)] * u64::from(weight);
        for (pixel, to) in to.as_chunks_mut::<3>().0.iter_mut().enumerate().take(PIXELS) {
            let sum = part(a[pixel], v[pixel])
                + part(b[pixel], w[pixel])
                + part(c[pixel], x[pixel])
                + part(d[pixel], y[pixel])
                + part(e[pixel], z[pixel])
                + HALVES;
            *to = PLACES.map(|place| (sum >> (place + 13)) as u8);
        }
    }
}

fn packed(color: &[f32; 3]) -> u64 {
    let scale = 255.0 * SCALE / f32::from(BETWEEN);
    let channel = |(c, place): (&f32, u32)| ((clamp(*c) * scale + 0.5) as u64) << place;
    color.iter().zip(PLACES).map(channel).sum()
}

/// The five colors around each pixel's, and their weights.
struct Corners {
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
    fn find(&mut self, inks: &[u8; 4 * PIXELS]) {
        let mut planes = [[0u16; PIXELS]; 4];
        let [cyan, magenta, yellow, black] = &mut planes;
        let places = cyan.iter_mut().zip(magenta).zip(yellow).zip(black);
        for ((((c, m), y), k), pixel) in places.zip(inks.as_chunks::<4>().0) {
            let word = u32::from_le_bytes(*pixel);
            *c = (word & 0xFF) as u16;
            *m = (word >> 8 & 0xFF) as u16;
            *y = (word >> 16 & 0xFF) as u16;
            *k = (word >> 24) as u16;
        }
        let [cyan, magenta, yellow, black] = &planes;
        let [at0, at1, at2, at3, at4] = &mut self.at;
        let [weight0, weight1, weight2, weight3, weight4] = &mut self.weights;
        for pixel in 0..PIXELS {
            // The fourth power of an ink's number is its stride.
            let (c, first) = parts(cyan[pixel], 8);
            let (m, second) = parts(magenta[pixel], 4);
            let (y, third) = parts(yellow[pixel], 2);
            let (k, fourth) = parts(black[pixel], 1);
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

            weight0[pixel] = BETWEEN - (first >> 4);
            weight1[pixel] = (first >> 4) - (second >> 4);
            weight2[pixel] = (second >> 4) - (third >> 4);
            weight3[pixel] = (third >> 4) - (fourth >> 4);
            weight4[pixel] = fourth >> 4;
        }
    }
}

/// The amount below an ink, and its distance from there with the ink's number.
#[inline(always)]
fn parts(ink: u16, number: u16) -> (u16, u16) {
    // A seventeenth, exact for every byte.
    let amount = ink.wrapping_mul(241) >> 12;
    (amount, (ink.wrapping_sub(amount.wrapping_mul(BETWEEN))) << 4 | number)
}

/// The larger first. Signed, because only such are compared eight at a time on every x86-64.
#[inline(always)]
fn sorted(a: u16, b: u16) -> (u16, u16) {
    let (a, b) = (a as i16, b as i16);
    (a.max(b) as u16, a.min(b) as u16)
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

    fn table(color: impl Fn([f32; 4]) -> [f32; 3]) -> InkTable {
        let made = InkTable::new(|from, to| {
            for (from, to) in from.as_chunks::<4>().0.iter().zip(to.as_chunks_mut::<3>().0) {
                *to = color(*from);
            }
            Ok(())
        });
        made.unwrap_or_else(|error| unreachable!("{error:?}"))
    }

    fn shown(table: &InkTable, inks: &[[u8; 4]]) -> Vec<[u8; 3]> {
        let mut out = vec![[0; 3]; inks.len()];
        table.run(inks.as_flattened(), out.as_flattened_mut());
        out
    }

    #[test]
    fn what_is_linear_is_exact_for_every_byte_and_every_order_of_inks() {
        let table = table(|[c, m, y, k]| [c, 1.0 - m, (y + k) / 2.0]);
        let mut state = 1u32;
        let mut chance = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()
        };
        // A number that is no multiple of what is done at a time.
        let mut inks: Vec<[u8; 4]> = (0..20_003).map(|_| chance()).collect();
        inks.extend(
            (0..=255).flat_map(|ink| {
                [[ink, 0, 255, 255], [0, ink, 0, 0], [255, 255, ink, ink], [ink; 4]]
            }),
        );
        for (inks, color) in inks.iter().zip(shown(&table, &inks)) {
            let [c, m, y, k] = *inks;
            assert_eq!(color[..2], [c, 255 - m], "{inks:?}");
            let blue = (u16::from(y) + u16::from(k)) as f32 / 2.0;
            assert!((f32::from(color[2]) - blue).abs() <= 0.51, "{inks:?}: {color:?}");
        }
    }

    #[test]
    fn colors_of_the_table_are_hit() {
        let table = table(|inks| {
            let light = inks.iter().map(|ink| 1.0 - ink * ink).product();
            [light, light * inks[0], 1.0 - light]
        });
        for amounts in [[0, 0, 0, 0], [15, 15, 15, 15], [3, 0, 7, 1], [0, 15, 0, 2]] {
            let inks = amounts.map(|amount| amount as f32 / 15.0);
            let light: f32 = inks.iter().map(|ink| 1.0 - ink * ink).product();
            let expected = [light, light * inks[0], 1.0 - light].map(|c| (c * 255.0).round() as u8);
            assert_eq!(shown(&table, &[amounts.map(|amount| amount as u8 * 17)]), [expected]);
        }
    }

    #[test]
    fn what_is_no_number_or_out_of_range_stays_in_its_channel() {
        let table = table(|_| [f32::NAN, 7.0, -3.0]);
        assert_eq!(shown(&table, &[[9, 99, 199, 255]]), [[0, 255, 0]]);
    }
}
