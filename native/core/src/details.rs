//! What a file says of its picture, for whoever wants to know all of it.

use bytes::Bytes;
use thumbelina_codec::{Input, Poll};

use crate::decode::{header_nanos, probe};
use crate::metadata::{self, Fields, Value};
use crate::{ColorSpace, Error, Format, Info, Limits, cost, frames};

/// What a header says, and more than a thumbnail needs of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    pub info: Info,
    /// Frames of an animation, pages of a TIFF, pictures of an icon.
    pub frames: u64,
    /// The name of the color space that the file names.
    pub profile: Option<String>,
    /// EXIF by the names of the standard.
    pub exif: Vec<(String, Value)>,
}

impl Details {
    /// Reads the header of a picture that is there as a whole, and its metadata.
    ///
    /// # Errors
    /// Those of [`probe`].
    pub fn read(input: Bytes, limits: &Limits) -> Result<Details, Error> {
        let mut whole = Input::whole(input.clone());
        let info = loop {
            match probe(&mut whole, limits)? {
                Poll::Ready(info) => break info,
                Poll::Working => {}
                Poll::NeedInput => return Err(Error::Internal),
            }
        };
        let fields = info.metadata.exif.as_deref().and_then(Fields::read);
        Ok(Details {
            frames: frames::count(info.format, &input),
            profile: profile(&info.color),
            exif: fields.map_or_else(Vec::new, |fields| metadata::named(&fields)),
            info,
        })
    }

    /// The profile as it lies in the file.
    pub fn icc(&self) -> Option<&Bytes> {
        match &self.info.color {
            ColorSpace::Icc(profile) => Some(profile),
            _ => None,
        }
    }

    /// How many bytes the profile, the XMP packet and the IPTC records have.
    pub fn packet_bytes(&self) -> usize {
        let metadata = &self.info.metadata;
        let packets = [self.icc(), metadata.xmp.as_ref(), metadata.iptc.as_ref()];
        packets.into_iter().flatten().map(Bytes::len).sum()
    }

    /// Whether [`read`](Self::read) takes no longer than a piece of work on a normal scheduler may.
    pub fn are_read_shortly(input: &[u8]) -> bool {
        let most = 2 * cost::MAX_STEP_NANOS;
        let frames = Format::of(input).map_or(0, |format| frames::nanos(format, input));
        header_nanos(input, most) + frames + metadata::NAMED_NANOS <= cost::MAX_STEP_NANOS
    }
}

/// ITU-T H.273, tables 2 and 3: primaries and transfer functions that have a name together.
const CODED: [(u8, u8, &str); 9] = [
    (1, 1, "BT.709"),
    (1, 13, "sRGB"),
    (9, 1, "BT.2020"),
    (9, 14, "BT.2020"),
    (9, 15, "BT.2020"),
    (9, 16, "BT.2100 PQ"),
    (9, 18, "BT.2100 HLG"),
    (12, 13, "Display P3"),
    (11, 17, "DCI-P3"),
];

fn profile(color: &ColorSpace) -> Option<String> {
    match color {
        ColorSpace::Icc(profile) => metadata::profile_name(profile),
        ColorSpace::Coded { primaries, transfer, .. } => {
            let named = CODED.iter().find(|coded| (coded.0, coded.1) == (*primaries, *transfer));
            named.map(|coded| coded.2.to_owned())
        }
        ColorSpace::AdobeRgb => Some("Adobe RGB (1998)".to_owned()),
        ColorSpace::Srgb | ColorSpace::Measured { .. } => None,
    }
}
