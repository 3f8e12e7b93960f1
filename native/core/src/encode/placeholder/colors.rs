//! The colors of a small picture, each pixel weighed by its alpha.

use std::cmp::Reverse;

use quantette::PaletteSize;
use quantette::color_map::IndexedColorMap;
use quantette::deps::palette::Srgb;
use quantette::kmeans::{Kmeans, KmeansOptions};
use quantette::wu::{BinnerU8x3, WuU8x3};

use crate::Error;

type Rgb = [u8; 3];
type Rgba = [u8; 4];

/// The most colors of a palette.
const MAX_COLORS: usize = 5;

/// How often k-means looks at a pixel, on average.
const LOOKS: f32 = 4.0;

/// What shows where nothing does, as behind every picture without alpha.
const WHITE: Rgb = [255; 3];

/// The average, rounded to the nearest.
pub(super) fn average(pixels: &[Rgba]) -> Rgb {
    let mut sums = [0u64; 3];
    let mut weight = 0u64;
    for &[r, g, b, a] in pixels {
        for (sum, sample) in sums.iter_mut().zip([r, g, b]) {
            *sum += u64::from(sample) * u64::from(a);
        }
        weight += u64::from(a);
    }
    if weight == 0 { WHITE } else { sums.map(|sum| ((sum + weight / 2) / weight) as u8) }
}

/// At most five colors, the one with the largest share first: those of the picture if it has no
/// more, else the centers of clusters. None where nothing shows.
pub(super) fn palette(pixels: &[Rgba]) -> Result<Vec<Rgb>, Error> {
    let mut shares = match exact(pixels) {
        Some(shares) => shares,
        None => clustered(pixels)?,
    };
    shares.sort_unstable_by_key(|&(color, weight)| (Reverse(weight), color));
    Ok(shares.into_iter().map(|(color, _)| color).collect())
}

/// The pixels that show at all, with their weights.
fn shown(pixels: &[Rgba]) -> impl Iterator<Item = (Rgb, u64)> {
    let shown = pixels.iter().filter(|&&[.., a]| a > 0);
    shown.map(|&[r, g, b, a]| ([r, g, b], u64::from(a)))
}

/// All colors, unless there are more than a palette has.
fn exact(pixels: &[Rgba]) -> Option<Vec<(Rgb, u64)>> {
    let mut shares: Vec<(Rgb, u64)> = Vec::with_capacity(MAX_COLORS);
    for (color, weight) in shown(pixels) {
        if let Some((_, sum)) = shares.iter_mut().find(|(there, _)| *there == color) {
            *sum += weight;
        } else if shares.len() < MAX_COLORS {
            shares.push((color, weight));
        } else {
            return None;
        }
    }
    Some(shares)
}

/// The centers of clusters: Wu's cuts of a histogram, which k-means moves to where the pixels are.
/// They are made of the pixels that are at least half as opaque as the most opaque one.
fn clustered(pixels: &[Rgba]) -> Result<Vec<(Rgb, u64)>, Error> {
    let most = shown(pixels).map(|(_, weight)| weight).max().unwrap_or(0);
    let sample: Vec<Srgb<u8>> = shown(pixels)
        .filter(|&(_, weight)| weight * 2 >= most)
        .map(|([r, g, b], _)| Srgb::new(r, g, b))
        .collect();
    let cut = WuU8x3::run_slice(&sample, BinnerU8x3::rgb()).map_err(|_| Error::Internal)?;
    let centers = cut.palette(PaletteSize::from_usize_clamped(MAX_COLORS));
    let moved = Kmeans::run_slice(&sample, centers, KmeansOptions::new().sampling_factor(LOOKS))
        .map_err(|_| Error::Internal)?;
    let nearest = moved.into_color_map();
    let mut shares: Vec<(Rgb, u64)> =
        nearest.palette().iter().map(|color| ([color.red, color.green, color.blue], 0)).collect();
    for ([r, g, b], weight) in shown(pixels) {
        let index: u8 = nearest.palette_index(&Srgb::new(r, g, b));
        shares.get_mut(usize::from(index)).ok_or(Error::Internal)?.1 += weight;
    }
    shares.retain(|&(_, weight)| weight > 0);
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_is_weighed_by_alpha() {
        assert_eq!(average(&[[0, 10, 255, 255], [1, 20, 0, 255]]), [1, 15, 128]);
        assert_eq!(average(&[[200, 100, 50, 255], [0, 255, 9, 0]]), [200, 100, 50]);
        assert_eq!(average(&[[255, 0, 0, 3], [0, 255, 0, 1]]), [191, 64, 0]);
        assert_eq!(average(&[[1, 2, 3, 0]]), WHITE);
    }

    #[test]
    fn few_colors_are_a_palette_as_they_are_by_their_shares() {
        let (red, blue) = ([255, 0, 0, 255], [0, 0, 255, 255]);
        assert_eq!(palette(&[red, blue, blue]), Ok(vec![[0, 0, 255], [255, 0, 0]]));
        // Two that hardly show have less weight than one that does, and what does not has none.
        let faint = [0, 0, 255, 100];
        let palette_of = palette(&[red, faint, faint, [9, 9, 9, 0]]);
        assert_eq!(palette_of, Ok(vec![[255, 0, 0], [0, 0, 255]]));
        // Equal shares are in the order of the colors.
        assert_eq!(palette(&[blue, red]), Ok(vec![[0, 0, 255], [255, 0, 0]]));
        assert_eq!(palette(&[[1, 2, 3, 0]]), Ok(vec![]));
        let five: Vec<Rgba> = (0..5).map(|i| [i * 50, 0, 0, 255]).collect();
        assert_eq!(palette(&five).map(|colors| colors.len()), Ok(5));
    }

    #[test]
    fn many_colors_become_the_centers_of_five_clusters() {
        // Clusters of 5, 4, 3, 2 and 1 times 16 pixels around colors that lie far apart.
        let centers = [[40, 40, 40], [200, 40, 40], [40, 200, 40], [40, 40, 200], [220, 220, 220]];
        let mut pixels = Vec::new();
        for (i, [r, g, b]) in centers.into_iter().enumerate() {
            for n in 0..(5 - i as u8) * 16 {
                let off = n % 16 / 4;
                pixels.push([r + off, g + n % 4, b + 3 - off, 255]);
            }
        }
        let Ok(found) = palette(&pixels) else { unreachable!("there are pixels") };
        assert_eq!(found.len(), 5);
        for (found, center) in found.iter().zip(centers) {
            for (a, b) in found.iter().zip(center) {
                assert!(a.abs_diff(b) <= 3, "{found:?} and {center:?}");
            }
        }
        // However faint, and with what shows less among them.
        let mut faint: Vec<Rgba> = pixels.iter().map(|&[r, g, b, _]| [r, g, b, 6]).collect();
        faint.extend([[255, 255, 0, 2]; 4]);
        assert_eq!(palette(&faint), Ok(found));
    }
}
