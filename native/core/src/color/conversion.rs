use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::profile::{MAX_PROFILE_BYTES, Profile};
use super::tone::{LOOKED_AT, Light, ToneMap};
use super::{Transform, cache, spaces};
use crate::encode::MAX_ATTACHMENT;
use crate::picture::{Picture, Rows, Sample};
use crate::{
    ColorModel, ColorSpace, Depth, Encoding, Error, Format, Info, Layout, ProfileUse, cost,
};

/// From what a picture's numbers are in to sRGB: what is to be done. The tables that it takes are
/// made when they are wanted, once for all outputs.
#[derive(Debug)]
pub(crate) struct Conversion {
    layout: Layout,
    kind: Kind,
    made: OnceLock<(Arc<Transform>, ProfileUse)>,
    /// What the cache knows it by: of a long profile that takes a while, and it is asked for often.
    hash: OnceLock<u64>,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// CMYK or L*a*b* by itself.
    Device,
    /// A color space with a profile, or without one.
    Space(ColorSpace),
    /// Light that may be brighter than white.
    Bright(Light, spaces::Rgb),
}

impl PartialEq for Conversion {
    fn eq(&self, other: &Self) -> bool {
        (&self.kind, self.layout) == (&other.kind, other.layout)
    }
}

impl Conversion {
    /// What is to be done, where there is something, and what is known of the profile by then.
    pub(crate) fn of(info: &Info) -> (Option<Arc<Conversion>>, ProfileUse) {
        let layout = info.layout;
        let is_device = matches!(layout.model, ColorModel::Cmyk | ColorModel::Lab);
        let (kind, used) = match &info.color {
            ColorSpace::Icc(bytes) => match Profile::read(bytes) {
                // Floats with a profile are encoded as it says.
                Some(profile)
                    if profile.is_srgb()
                        && profile.model == layout.model
                        && layout.depth != Depth::F32 =>
                {
                    (None, ProfileUse::Applied)
                }
                Some(profile) if profile.model == layout.model => {
                    (Some(Kind::Space(info.color.clone())), ProfileUse::Applied)
                }
                _ => (None, ProfileUse::Ignored),
            },
            _ if is_device => (None, ProfileUse::None),
            space if spaces::is_srgb(space) => (None, ProfileUse::None),
            space => match spaces::light(space) {
                Some((light, primaries)) => {
                    (Some(Kind::Bright(light, primaries)), ProfileUse::None)
                }
                None => (Some(Kind::Space(space.clone())), ProfileUse::None),
            },
        };
        let kind = match kind {
            None if is_device => Some(Kind::Device),
            None if info.is_scene && layout.depth == Depth::F32 => {
                Some(Kind::Bright(Light::Linear, spaces::Rgb::srgb()))
            }
            kind => kind,
        };
        (kind.map(|kind| Arc::new(Conversion::new(layout, kind))), used)
    }

    fn new(layout: Layout, kind: Kind) -> Self {
        Conversion { layout, kind, made: OnceLock::new(), hash: OnceLock::new() }
    }

    fn hash(&self, space: &ColorSpace) -> u64 {
        *self.hash.get_or_init(|| cache::hash(space))
    }

    /// The same for another output. How bright a picture is, is told by the small one.
    pub(crate) fn for_output(self: &Arc<Self>) -> Arc<Conversion> {
        match self.kind {
            Kind::Bright(..) => {
                let (layout, kind) = (self.layout, self.kind.clone());
                Arc::new(Conversion::new(layout, kind))
            }
            Kind::Device | Kind::Space(_) => self.clone(),
        }
    }

    /// Whether floats that are brighter than white are brought down to it, which is for outputs
    /// alone that hold no such.
    pub(crate) fn is_for_screens(&self) -> bool {
        matches!(self.kind, Kind::Bright(Light::Linear, _))
    }

    /// The estimated nanoseconds of [`prepare`](Self::prepare). 0 where nothing is to be done.
    pub(crate) fn prepare_nanos(&self) -> u64 {
        if self.made.get().is_some() || self.find() {
            return 0;
        }
        match &self.kind {
            Kind::Device => cost::device_nanos(self.layout),
            Kind::Bright(..) => cost::TONE_NANOS,
            Kind::Space(space) => {
                let has_profile = matches!(space, ColorSpace::Icc(_));
                cost::transform_nanos(has_profile, self.layout)
            }
        }
    }

    /// What [`prepare`](Self::prepare) takes beside what stays.
    pub(crate) fn prepare_memory(&self) -> u64 {
        match &self.kind {
            Kind::Space(space @ ColorSpace::Icc(bytes)) => {
                let profile = bytes.len().min(MAX_PROFILE_BYTES) as u64;
                // The profile as it is rewritten and as it is read, in floats; and the nodes.
                8 * profile + 4 * Transform::executor_bytes(space, self.layout)
            }
            Kind::Space(space) => 2 * Transform::bytes(space, self.layout),
            Kind::Bright(..) => LOOKED_AT as u64 * 4,
            Kind::Device => Transform::bytes(&ColorSpace::Srgb, self.layout),
        }
    }

    /// Takes the transform from those that were made before. Says whether it was there.
    fn find(&self) -> bool {
        let Kind::Space(space) = &self.kind else { return false };
        let Some(found) = cache::get(space, self.layout, self.hash(space)) else { return false };
        self.made.get_or_init(|| found);
        true
    }

    /// Makes the transform for a picture.
    pub(crate) fn prepare(&self, picture: &Picture) {
        self.made.get_or_init(|| match &self.kind {
            Kind::Device => (Arc::new(Transform::device(self.layout)), ProfileUse::None),
            &Kind::Bright(light, primaries) => {
                let map = ToneMap::new(light, primaries, pixels(picture));
                (Arc::new(Transform::Tone(Box::new(map))), ProfileUse::None)
            }
            Kind::Space(space) => {
                if let Some(made) = cache::get(space, self.layout, self.hash(space)) {
                    return made;
                }
                let has_profile = matches!(space, ColorSpace::Icc(_));
                let made = match Transform::of(space, self.layout) {
                    Some(transform) if has_profile => (transform, ProfileUse::Applied),
                    Some(transform) => (transform, ProfileUse::None),
                    None if has_profile => (Transform::device(self.layout), ProfileUse::Ignored),
                    None => (Transform::device(self.layout), ProfileUse::None),
                };
                let made = (Arc::new(made.0), made.1);
                cache::put(space, self.layout, self.hash(space), &made);
                made
            }
        });
    }

    pub(crate) fn transform(&self) -> Result<&Transform, Error> {
        self.made.get().map(|(transform, _)| &**transform).ok_or(Error::Internal)
    }

    /// What became of the profile, once that is known.
    pub(crate) fn profile_use(&self) -> Option<ProfileUse> {
        self.made.get().map(|&(_, used)| used)
    }
}

/// The profile that goes along with numbers that stay what they are. `None` where they cannot: in a
/// format without a place for a profile, in L*a*b* and CMYK, which few formats hold and fewer
/// programs show, in floats, and where light is brighter than white.
pub(crate) fn kept(info: &Info, encoding: Encoding, to: Layout) -> Option<Bytes> {
    let has_place = match encoding {
        Encoding::Format(Format::Jpeg | Format::Png | Format::Tiff) => true,
        // It knows no gray.
        Encoding::Format(Format::Webp) => !info.layout.is_gray(),
        _ => false,
    };
    let is_plain = matches!(info.layout.model, ColorModel::Gray | ColorModel::Rgb)
        && to.is_gray() == info.layout.is_gray()
        && info.layout.depth != Depth::F32;
    if !has_place || !is_plain {
        return None;
    }
    match &info.color {
        ColorSpace::Icc(bytes) => {
            let fits = bytes.len() <= MAX_ATTACHMENT
                && Profile::read(bytes).is_some_and(|profile| profile.model == info.layout.model);
            fits.then(|| bytes.clone())
        }
        space if spaces::is_srgb(space) => None,
        space => spaces::written(space, info.layout.is_gray()).map(Bytes::from),
    }
}

/// The colors of some pixels, from all over the picture.
fn pixels(picture: &Picture) -> impl Iterator<Item = [f32; 3]> {
    let channels = usize::from(picture.layout.channels);
    let rows = picture.samples.rows();
    let count = rows.len() / channels;
    // A step that is odd looks at other columns in every row.
    let step = (count / LOOKED_AT).max(1) | 1;
    let has_alpha = picture.layout.has_alpha();
    (0..count).step_by(step).map(move |pixel| {
        let pixel = rows.slice(pixel * channels..(pixel + 1) * channels);
        match pixel {
            Rows::U8(pixel) => color(pixel, has_alpha),
            Rows::U16(pixel) => color(pixel, has_alpha),
            Rows::F32(pixel) => color(pixel, has_alpha),
        }
    })
}

fn color<S: Sample>(pixel: &[S], has_alpha: bool) -> [f32; 3] {
    match (pixel, has_alpha) {
        (&[r, g, b], _) | (&[r, g, b, _], true) => [r, g, b].map(S::unit),
        (&[y], _) | (&[y, _], true) => [y.unit(); 3],
        _ => [0.0; 3],
    }
}
