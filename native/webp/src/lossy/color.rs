//! From luma and chroma to red, green and blue, as libwebp does it.

/// The rows of chroma that make a row of color: the nearer one counts three times as much.
#[derive(Clone, Copy)]
pub(super) struct Chroma<'a> {
    pub(super) near: &'a [u8],
    pub(super) far: &'a [u8],
}

/// Pairs of pixels that are converted at a time.
const PAIRS: usize = 64;

/// Makes a row of `N` bytes a pixel, the fourth of which is 255. Each chroma sample stands in the
/// middle of four pixels, and a pixel's is made of the four around it.
pub(super) fn convert<const N: usize>(luma: &[u8], u: Chroma<'_>, v: Chroma<'_>, out: &mut [u8]) {
    let pixels = out.as_chunks_mut::<N>().0;
    let ([first_luma, luma @ ..], [first, pixels @ ..]) = (luma, pixels) else { return };
    // The first pixel has chroma to its right alone, and so has the last one of an even number to
    // its left.
    convert_few(&[*first_luma], [u.at(0), v.at(0)], std::slice::from_mut(first));
    let (pairs, last_luma) = luma.as_chunks::<2>();
    let (pairs_out, last) = pixels.split_at_mut(pairs.len() * 2);
    for (i, (luma, out)) in pairs.chunks(PAIRS).zip(pairs_out.chunks_mut(PAIRS * 2)).enumerate() {
        let mut samples = [[0; PAIRS * 2]; 3];
        for (sample, luma) in samples[0].iter_mut().zip(luma.as_flattened()) {
            *sample = u16::from(*luma) << 8;
        }
        u.enlarge(i * PAIRS, luma.len(), &mut samples[1]);
        v.enlarge(i * PAIRS, luma.len(), &mut samples[2]);
        convert_many(&samples, out);
    }
    convert_few(last_luma, [u.at(pairs.len()), v.at(pairs.len())], last);
}

impl Chroma<'_> {
    /// Of a pixel at the edge, beside chroma sample `x`.
    fn at(self, x: usize) -> u8 {
        let [near, far] =
            [self.near, self.far].map(|row| u16::from(row.get(x).copied().unwrap_or(0)));
        ((3 * near + far + 2) >> 2) as u8
    }

    /// Of the two pixels between each sample and the next one, from sample `from` on; times 256.
    #[inline(always)]
    fn enlarge(self, from: usize, pairs: usize, out: &mut [u16; PAIRS * 2]) {
        let mut sums = [0; PAIRS + 1];
        let sums = &mut sums[..=pairs.min(PAIRS)];
        let rows = self.near[from..].iter().zip(&self.far[from..]);
        for (sum, (&near, &far)) in sums.iter_mut().zip(rows) {
            *sum = 3 * u16::from(near) + u16::from(far);
        }
        let (left, right) = (&sums[..sums.len() - 1], &sums[1..]);
        for ((out, left), right) in out.as_chunks_mut::<2>().0.iter_mut().zip(left).zip(right) {
            *out = [(3 * left + right + 8) >> 4 << 8, (left + 3 * right + 8) >> 4 << 8];
        }
    }
}

/// Red, green and blue in the three lower bytes, of samples times 256.
#[inline(always)]
fn rgb(y: u16, u: u16, v: u16) -> u32 {
    // Fixed-point numbers of 14 bits times samples of 8, of which six bits are kept behind the
    // point.
    let times = |sample: u16, factor: u16| ((u32::from(sample) * u32::from(factor)) >> 16) as u16;
    let luma = times(y, 19_077);
    let red = luma.wrapping_add(times(v, 26_149)).wrapping_sub(14_234) as i16;
    let green =
        luma.wrapping_sub(times(u, 6_419)).wrapping_sub(times(v, 13_320)).wrapping_add(8_708)
            as i16;
    let blue = luma.wrapping_add(times(u, 33_050)).saturating_sub(17_685);
    let [red, green, blue] =
        [red >> 6, green >> 6, (blue >> 6) as i16].map(|color| color.clamp(0, 255) as u16);
    u32::from(red | green << 8) | u32::from(blue) << 16
}

fn convert_few<const N: usize>(luma: &[u8], [u, v]: [u8; 2], out: &mut [[u8; N]]) {
    for (&luma, out) in luma.iter().zip(out) {
        let [y, u, v] = [luma, u, v].map(|sample| u16::from(sample) << 8);
        let pixel = rgb(y, u, v) | 0xFF00_0000;
        for (to, from) in out.iter_mut().zip(pixel.to_le_bytes()) {
            *to = from;
        }
    }
}

#[inline(always)]
fn convert_many<const N: usize>([y, u, v]: &[[u16; PAIRS * 2]; 3], out: &mut [[u8; N]]) {
    let mut pixels = [0; PAIRS * 2];
    for (((pixel, &y), &u), &v) in pixels.iter_mut().zip(y).zip(u).zip(v) {
        *pixel = rgb(y, u, v);
    }
    let pixels = &pixels[..out.len().min(PAIRS * 2)];
    if N == 4 {
        for (out, pixel) in out.as_flattened_mut().as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
            *out = (pixel | 0xFF00_0000).to_le_bytes();
        }
        return;
    }
    // Four pixels are three words.
    let (fours, rest) = pixels.as_chunks::<4>();
    let (out_fours, out_rest) = out.as_flattened_mut().split_at_mut(fours.len() * 12);
    for (out, &[a, b, c, d]) in out_fours.as_chunks_mut::<12>().0.iter_mut().zip(fours) {
        let low = u64::from(a) | u64::from(b) << 24 | u64::from(c) << 48;
        let high = c >> 16 | d << 8;
        out[..8].copy_from_slice(&low.to_le_bytes());
        out[8..].copy_from_slice(&high.to_le_bytes());
    }
    for (out, pixel) in out_rest.as_chunks_mut::<3>().0.iter_mut().zip(rest) {
        let [red, green, blue, _] = pixel.to_le_bytes();
        *out = [red, green, blue];
    }
}
