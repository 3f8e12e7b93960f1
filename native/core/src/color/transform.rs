use std::sync::Arc;

use moxcms::{
    ColorProfile, DataColorSpace, ParsingOptions, RenderingIntent, ToneReprCurve,
    Transform8BitExecutor, Transform16BitExecutor, TransformF32Executor, TransformOptions,
};

use super::clut::{self, Clut, Grid};
use super::matrix::MatrixTable;
use super::profile::{MAX_PROFILE_BYTES, Profile, Way};
use super::tone::ToneMap;
use super::transfer::clamp;
use super::{cmyk, lab, spaces, to_linear};
use crate::picture::{Rows, Sample};
use crate::{ColorModel, ColorSpace, Depth, Error, Layout};

/// Turns pixels into sRGB, one by one.
pub(crate) enum Transform {
    /// They are taken for sRGB.
    None,
    /// CMYK of which nothing is known but that it is some.
    Cmyk,
    Lab,
    Tone(Box<ToneMap>),
    ClutBytes(Clut<u8>),
    ClutWords(Clut<u16>),
    /// RGB of 16 bits.
    Matrix(MatrixTable),
    Bytes(Arc<Transform8BitExecutor>),
    Words(Arc<Transform16BitExecutor>),
    Floats(Arc<TransformF32Executor>),
}

/// How many pixels of floats are converted at a time.
const PIXELS: usize = 64;

/// The entries of a curve that is made here.
const ENTRIES: u16 = 4_096;

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Transform::None => "None",
            Transform::Cmyk => "Cmyk",
            Transform::Lab => "Lab",
            Transform::Tone(_) => "Tone",
            Transform::ClutBytes(_) => "ClutBytes",
            Transform::ClutWords(_) => "ClutWords",
            Transform::Matrix(_) => "Matrix",
            Transform::Bytes(_) => "Bytes",
            Transform::Words(_) => "Words",
            Transform::Floats(_) => "Floats",
        })
    }
}

impl Transform {
    /// Of a color space that is told with a profile or without, for pixels of a layout. `None`
    /// where it cannot be had.
    pub(super) fn of(space: &ColorSpace, layout: Layout) -> Option<Transform> {
        let (source, model, has_table) = match space {
            ColorSpace::Icc(bytes) => {
                let profile = Profile::read(bytes)?;
                (icc(&profile)?, profile.model, matches!(profile.way, Way::Table(_)))
            }
            _ => (spaces::profile(space)?, ColorModel::Rgb, false),
        };
        let is_gray = layout.model == ColorModel::Gray;
        let source = match (layout.model, model) {
            // Gray that only a color space of RGB is known of.
            (ColorModel::Gray, ColorModel::Rgb) if !matches!(space, ColorSpace::Icc(_)) => {
                spaces::gray(source.green_trc)
            }
            (wanted, found) if wanted == found => source,
            _ => return None,
        };
        if layout.model == ColorModel::Rgb && layout.depth == Depth::U16 && !has_table {
            return MatrixTable::new(&source).map(Transform::Matrix);
        }
        let srgb = spaces::srgb();
        let (to, layouts) = match (is_gray, layout.channels) {
            (true, 1) => {
                (spaces::gray(srgb.green_trc), (moxcms::Layout::Gray, moxcms::Layout::Gray))
            }
            (true, _) => {
                let both = moxcms::Layout::GrayAlpha;
                (spaces::gray(srgb.green_trc), (both, both))
            }
            (false, 3) => (srgb, (moxcms::Layout::Rgb, moxcms::Layout::Rgb)),
            (false, _) if layout.model == ColorModel::Cmyk => {
                (srgb, (moxcms::Layout::Rgba, moxcms::Layout::Rgb))
            }
            (false, _) => (srgb, (moxcms::Layout::Rgba, moxcms::Layout::Rgba)),
        };
        let options = TransformOptions {
            // Where the one table of the profile is, whichever it was.
            rendering_intent: RenderingIntent::Perceptual,
            allow_use_cicp_transfer: false,
            ..TransformOptions::default()
        };
        let (from_layout, to_layout) = layouts;
        let grid = match layout.model {
            ColorModel::Cmyk => Some((Grid::Sixteen, moxcms::Layout::Rgba)),
            ColorModel::Rgb if has_table => Some((Grid::ThirtyThree, moxcms::Layout::Rgb)),
            _ => None,
        };
        match (layout.depth, grid) {
            (depth @ (Depth::U8 | Depth::U16), Some((grid, colors))) => {
                let to_rgb = moxcms::Layout::Rgb;
                let transform = source.create_transform_f32(colors, &to, to_rgb, options).ok()?;
                Transform::clut(depth, grid, |samples, rgb| {
                    transform.transform(samples, rgb).map_err(|_| Error::Internal)
                })
            }
            (Depth::U8, None) => source
                .create_transform_8bit(from_layout, &to, to_layout, options)
                .ok()
                .map(Transform::Bytes),
            (Depth::U16, None) => source
                .create_transform_16bit(from_layout, &to, to_layout, options)
                .ok()
                .map(Transform::Words),
            (Depth::F32, _) => source
                .create_transform_f32(from_layout, &to, to_layout, options)
                .ok()
                .map(Transform::Floats),
        }
    }

    /// Of pixels that are not multiplied by their alpha, to as many in `to`, as bytes of samples in
    /// the machine's own order.
    pub(crate) fn run(&self, from: Rows<'_>, layout: Layout, to: &mut [u8]) -> Result<(), Error> {
        match (self, from) {
            (Transform::ClutBytes(table), Rows::U8(from)) => {
                table.run(from, layout.channels, to);
                Ok(())
            }
            (Transform::ClutWords(table), Rows::U16(from)) => {
                table.run(from, layout.channels, bytemuck::try_cast_slice_mut(to)?);
                Ok(())
            }
            (Transform::Matrix(table), Rows::U16(from)) => {
                table.run(from, layout.channels, bytemuck::try_cast_slice_mut(to)?);
                Ok(())
            }
            (Transform::Bytes(transform), Rows::U8(from)) => {
                transform.transform(from, to).map_err(|_| Error::Internal)
            }
            (Transform::Words(transform), Rows::U16(from)) => {
                let to = bytemuck::try_cast_slice_mut(to)?;
                transform.transform(from, to).map_err(|_| Error::Internal)
            }
            (Transform::None, Rows::U8(from)) => copy(from, to),
            (Transform::None, Rows::U16(from)) => copy(bytemuck::cast_slice(from), to),
            (Transform::None, Rows::F32(from)) => copy(bytemuck::cast_slice(from), to),
            (Transform::Floats(transform), Rows::F32(from)) => {
                floats(&**transform, from, layout, bytemuck::try_cast_slice_mut(to)?)
            }
            (_, Rows::U8(from)) => self.pixels(from, layout, to),
            (_, Rows::U16(from)) => self.pixels(from, layout, bytemuck::try_cast_slice_mut(to)?),
            (_, Rows::F32(from)) => self.pixels(from, layout, bytemuck::try_cast_slice_mut(to)?),
        }
    }

    fn pixels<S: Sample>(&self, from: &[S], layout: Layout, to: &mut [S]) -> Result<(), Error> {
        if let Transform::Lab = self {
            lab::to_rgb(from, layout.channels, to);
            return Ok(());
        }
        let from = from.chunks_exact(layout.channels.into());
        let to = to.chunks_exact_mut(layout.srgb().channels.into());
        for (pixel, out) in from.zip(to) {
            let (color, alpha) = match (self, pixel) {
                (Transform::Cmyk, &[c, m, y, k]) => {
                    let color = cmyk::to_rgb([c, m, y, k].map(S::unit));
                    (if S::LINEAR { color.map(to_linear) } else { color }, None)
                }
                (Transform::Tone(map), &[r, g, b, ref alpha @ ..]) => {
                    let color = [r, g, b].map(S::unit);
                    (if S::LINEAR { map.map(color) } else { map.map_encoded(color) }, alpha.first())
                }
                (Transform::Tone(map), &[y, ref alpha @ ..]) => {
                    let color = [y.unit(); 3];
                    (if S::LINEAR { map.map(color) } else { map.map_encoded(color) }, alpha.first())
                }
                _ => return Err(Error::Internal),
            };
            let colors = out.len() - usize::from(alpha.is_some());
            for (out, color) in out.iter_mut().take(colors).zip(color) {
                *out = S::from_unit(color);
            }
            if let (Some(&alpha), Some(out)) = (alpha, out.last_mut()) {
                *out = alpha;
            }
        }
        Ok(())
    }

    /// What is done where nothing is known.
    pub(super) fn device(layout: Layout) -> Transform {
        match layout.model {
            ColorModel::Cmyk if layout.depth != Depth::F32 => {
                let table = Transform::clut(layout.depth, Grid::Five, |inks, colors| {
                    let inks = inks.as_chunks().0.iter();
                    for (&inks, color) in inks.zip(colors.as_chunks_mut().0) {
                        *color = cmyk::to_rgb(inks);
                    }
                    Ok(())
                });
                table.unwrap_or(Transform::Cmyk)
            }
            ColorModel::Cmyk => Transform::Cmyk,
            ColorModel::Lab => Transform::Lab,
            ColorModel::Gray | ColorModel::Rgb => Transform::None,
        }
    }

    /// By a table of what makes samples from 0 to 1 encoded sRGB. `None` where there is no memory.
    fn clut(
        depth: Depth,
        grid: Grid,
        to_rgb: impl FnMut(&[f32], &mut [f32]) -> Result<(), Error>,
    ) -> Option<Transform> {
        match depth {
            Depth::U8 => Clut::new(grid, to_rgb).map(Transform::ClutBytes).ok(),
            Depth::U16 => Clut::new(grid, to_rgb).map(Transform::ClutWords).ok(),
            Depth::F32 => None,
        }
    }

    /// What one takes in memory, about.
    pub(super) fn bytes(space: &ColorSpace, layout: Layout) -> u64 {
        match (layout.model, layout.depth) {
            (ColorModel::Cmyk, Depth::U8 | Depth::U16) => clut::BYTES,
            // By a table, or by three curves.
            (ColorModel::Rgb, Depth::U8 | Depth::U16) if matches!(space, ColorSpace::Icc(_)) => {
                clut::BYTES
            }
            _ => Transform::executor_bytes(space, layout),
        }
    }

    /// What that of the color management system takes.
    pub(super) fn executor_bytes(space: &ColorSpace, layout: Layout) -> u64 {
        // Tables of three curves and of their inverse; of a table, its nodes.
        let curves: u64 = if layout.depth == Depth::U8 { 64 << 10 } else { 1 << 20 };
        match (space, layout.model) {
            (ColorSpace::Icc(_), ColorModel::Cmyk) => curves + (3 << 20) / 2,
            (ColorSpace::Icc(_), _) => curves + (1 << 20),
            _ => curves,
        }
    }
}

fn copy(from: &[u8], to: &mut [u8]) -> Result<(), Error> {
    if from.len() != to.len() {
        return Err(Error::Internal);
    }
    to.copy_from_slice(from);
    Ok(())
}

/// The profile as the color management system has it.
fn icc(profile: &Profile<'_>) -> Option<ColorProfile> {
    let options = ParsingOptions {
        max_profile_size: 2 * MAX_PROFILE_BYTES,
        max_allowed_clut_size: MAX_PROFILE_BYTES,
        max_allowed_trc_size: 1 << 15,
    };
    let mut found =
        ColorProfile::new_from_slice_with_options(&profile.rewritten(), options).ok()?;
    if profile.model == ColorModel::Gray && profile.is_lab {
        // Of lightness, which it knows nothing to do with.
        let lightness = found.gray_trc.as_ref()?.make_linear_evaluator().ok()?;
        let entry = |index: u16| {
            let x = f32::from(index) / f32::from(ENTRIES - 1);
            let y = lab::luminance(lightness.evaluate_value(x).clamp(0.0, 1.0));
            (y * 65_535.0 + 0.5) as u16
        };
        found.gray_trc = Some(ToneReprCurve::Lut((0..ENTRIES).map(entry).collect()));
        found.pcs = DataColorSpace::Xyz;
    }
    Some(found)
}

/// Some pixels at a time, which are encoded between.
fn floats(
    transform: &TransformF32Executor,
    from: &[f32],
    layout: Layout,
    to: &mut [f32],
) -> Result<(), Error> {
    let channels = usize::from(layout.channels);
    let (to_channels, has_alpha) = (usize::from(layout.srgb().channels), layout.has_alpha());
    let colors = to_channels - usize::from(has_alpha);
    let mut clamped = [0.0; 4 * PIXELS];
    for (from, to) in from.chunks(channels * PIXELS).zip(to.chunks_mut(to_channels * PIXELS)) {
        let clamped = &mut clamped[..from.len()];
        clamped.iter_mut().zip(from).for_each(|(clamped, from)| *clamped = clamp(*from));
        transform.transform(clamped, to).map_err(|_| Error::Internal)?;
        for pixel in to.chunks_exact_mut(to_channels) {
            pixel[..colors].iter_mut().for_each(|color| *color = to_linear(*color));
        }
    }
    Ok(())
}
