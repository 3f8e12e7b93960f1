//! Pixels one by one, each color by itself for many at once, so that compilers make vectors of it.

use pulp::{Arch, Simd, WithSimd};

use crate::picture::Sample;

/// How many pixels are converted at a time.
const PIXELS: usize = 64;

/// What is done to a color. Both functions must be inlined, or nothing becomes a vector.
pub(super) trait ColorMap<S> {
    /// A number of a sample, by its channel.
    fn read(&self, channel: usize, sample: S) -> f32;
    /// Three numbers from 0 to 1 of those of a pixel, or any where samples are floats. With the
    /// machine's vectors `V`.
    fn convert<V: Simd>(&self, color: [f32; 3]) -> [f32; 3];
}

/// `a * b + c`, in one operation where the machine has that for vectors.
#[inline(always)]
pub(super) fn mul_add<V: Simd>(a: f32, b: f32, c: f32) -> f32 {
    if V::IS_SCALAR { a * b + c } else { a.mul_add(b, c) }
}

/// Of three samples a pixel, or of four, the last of which is alpha and stays.
pub(super) fn each_pixel<S: Sample>(
    from: &[S],
    channels: u8,
    to: &mut [S],
    map: &impl ColorMap<S>,
) {
    if channels == 3 {
        Arch::new().dispatch(Run::<3, _, _> { from, to, map });
    } else {
        Arch::new().dispatch(Run::<4, _, _> { from, to, map });
    }
}

/// A matrix by a vector.
#[inline(always)]
pub(super) fn product<V: Simd>(matrix: &[[f32; 3]; 3], [x, y, z]: [f32; 3]) -> [f32; 3] {
    let row = |&[a, b, c]: &[f32; 3]| mul_add::<V>(a, x, mul_add::<V>(b, y, c * z));
    matrix.each_ref().map(row)
}

/// What runs with the vectors that the machine has.
struct Run<'a, const CHANNELS: usize, S, M> {
    from: &'a [S],
    to: &'a mut [S],
    map: &'a M,
}

impl<const CHANNELS: usize, S: Sample, M: ColorMap<S>> WithSimd for Run<'_, CHANNELS, S, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<V: Simd>(self, _: V) {
        let Run { from, to, map } = self;
        let (from, to) = (from.as_chunks::<CHANNELS>().0, to.as_chunks_mut::<CHANNELS>().0);
        let mut numbers = [[0.0; PIXELS]; 3];
        let mut samples = [[S::zeroed(); PIXELS]; 3];
        for (from, to) in from.chunks(PIXELS).zip(to.chunks_mut(PIXELS)) {
            let [first, second, third] = &mut numbers;
            let places = first.iter_mut().zip(second).zip(third);
            for (((first, second), third), pixel) in places.zip(from) {
                *first = map.read(0, pixel[0]);
                *second = map.read(1, pixel[1]);
                *third = map.read(2, pixel[2]);
            }
            for pixel in 0..PIXELS {
                let color = map.convert::<V>(numbers.each_ref().map(|plane| plane[pixel]));
                for (plane, number) in samples.iter_mut().zip(color) {
                    plane[pixel] = S::from_clamped(number);
                }
            }
            let [red, green, blue] = &samples;
            let samples = red.iter().zip(green).zip(blue);
            for ((to, from), ((red, green), blue)) in to.iter_mut().zip(from).zip(samples) {
                *to = *from;
                [to[0], to[1], to[2]] = [*red, *green, *blue];
            }
        }
    }
}
