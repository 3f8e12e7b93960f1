//! What of a picture's metadata goes along into an output.

use bytes::Bytes;
use thumbelina_codec::{Budget, Held};

use super::fields::{self, Directory, Field, Fields};
use super::{Metadata, iptc, profile, xmp};
use crate::{Attachments, Error, Format};

/// What a caller wants to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// EXIF, but for the position.
    pub exif: bool,
    /// The position, of EXIF, and of XMP if that is kept.
    pub gps: bool,
    /// Of EXIF, XMP and IPTC what says who made the picture, and what may be done with it.
    pub copyright: bool,
    pub xmp: bool,
    pub iptc: bool,
    /// A profile that says what the colors are.
    pub icc: bool,
}

/// What metadata has to agree with: the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    pub width: u32,
    pub height: u32,
    /// As EXIF counts it.
    pub orientation: u16,
    /// Whether the colors are sRGB's, whatever they were.
    pub is_srgb: bool,
    pub is_gray: bool,
}

/// The metadata of a source, apart from its file.
#[derive(Debug)]
pub(crate) struct Carried {
    fields: Option<Fields>,
    xmp: Option<Bytes>,
    iptc: Option<Bytes>,
    _held: Held,
}

impl Keep {
    /// What one of the two wants.
    pub(crate) fn or(self, other: Keep) -> Keep {
        Keep {
            exif: self.exif || other.exif,
            gps: self.gps || other.gps,
            copyright: self.copyright || other.copyright,
            xmp: self.xmp || other.xmp,
            iptc: self.iptc || other.iptc,
            icc: self.icc || other.icc,
        }
    }

    pub(crate) fn is_nothing(self) -> bool {
        self == Keep::default()
    }

    /// What a format has a place for.
    pub(crate) fn within(self, format: Format) -> Keep {
        let Keep { exif, gps, copyright, .. } = self;
        match format {
            Format::Jpeg | Format::Tiff => self,
            Format::Png | Format::Webp => Keep { iptc: false, ..self },
            Format::Avif => Keep { exif, gps, copyright, ..Keep::default() },
            _ => Keep::default(),
        }
    }

    fn wants_exif(self) -> bool {
        self.exif || self.gps || self.copyright
    }

    fn wants_xmp(self) -> bool {
        self.xmp || self.copyright
    }

    fn wants_iptc(self) -> bool {
        self.iptc || self.copyright
    }
}

const ORIENTATION: u16 = 0x0112;
const COLOR_SPACE: u16 = 0xA001;
const PIXEL_X_DIMENSION: u16 = 0xA002;
const PIXEL_Y_DIMENSION: u16 = 0xA003;
const SRGB: u16 = 1;

/// Artist and copyright.
const RIGHTS: [u16; 2] = [0x013B, 0x8298];

/// What describes samples as they were stored: in directories of the image and of EXIF.
const OF_IMAGE_SAMPLES: [u16; 15] = [
    0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0115, 0x0116, 0x011C, 0x012D, 0x013E, 0x013F, 0x0211,
    0x0212, 0x0213, 0x0214,
];
/// Among them a sound file beside it, and places in the picture, and on the sensor, in its pixels.
const OF_EXIF_SAMPLES: [u16; 9] =
    [0x9101, 0x9102, 0x9214, 0xA004, 0xA20E, 0xA20F, 0xA210, 0xA214, 0xA500];

impl Carried {
    /// What of it is wanted. Bytes are copied, so that the file can be let go.
    pub(crate) fn new(metadata: &Metadata, keep: Keep, budget: &Budget) -> Result<Self, Error> {
        let Metadata { exif, xmp, iptc } = wanted(metadata, keep);
        let fields = if exif.is_some() { fields::MAX_BYTES } else { 0 };
        let copied = length(&xmp) + length(&iptc);
        // As much again for what an output gets of it, of which a TIFF has another copy of fields.
        let held = budget.hold((3 * fields + 2 * copied) as u64)?;
        let copy = |bytes: Option<Bytes>| bytes.as_deref().map(Bytes::copy_from_slice);
        let fields = exif.as_deref().and_then(Fields::read);
        Ok(Carried { fields, xmp: copy(xmp), iptc: copy(iptc), _held: held })
    }

    /// The estimated nanoseconds of [`new`](Self::new).
    pub(crate) fn new_nanos(metadata: &Metadata, keep: Keep) -> u64 {
        let Metadata { exif, xmp, iptc } = wanted(metadata, keep);
        let fields = if exif.is_some() { fields::NANOS } else { 0 };
        fields + (length(&xmp) + length(&iptc)) as u64
    }

    /// The estimated nanoseconds of [`attached`](Self::attached).
    pub(crate) fn attached_nanos(&self, keep: Keep) -> u64 {
        let fields = if keep.wants_exif() && self.fields.is_some() { fields::NANOS } else { 0 };
        let xmp = if keep.wants_xmp() { length(&self.xmp) as u64 * xmp::NANOS_PER_BYTE } else { 0 };
        fields + xmp + length(&self.iptc) as u64
    }

    /// What goes along into an output.
    pub(crate) fn attached(&self, keep: Keep, shown: &Shown) -> Attachments {
        let wanted = xmp::Wanted { position: keep.gps, all: keep.xmp };
        let fields = self.fields.as_ref().filter(|_| keep.wants_exif());
        let fields = fields.map(|fields| kept(fields, keep, shown));
        let xmp = self.xmp.as_deref().filter(|_| keep.wants_xmp());
        let iptc = self.iptc.as_deref().filter(|_| keep.wants_iptc());
        let metadata = Metadata {
            exif: fields.filter(|fields| !fields.is_empty()).map(|fields| fields.write().into()),
            xmp: xmp.and_then(|packet| xmp::kept(packet, wanted)).map(Bytes::from),
            iptc: iptc.and_then(|records| iptc::kept(records, !keep.iptc)).map(Bytes::from),
        };
        let is_named = keep.icc && shown.is_srgb;
        Attachments { icc: is_named.then(|| profile::srgb(shown.is_gray).into()), metadata }
    }
}

/// What is wanted, and within bounds.
fn wanted(metadata: &Metadata, keep: Keep) -> Metadata {
    let Metadata { exif, xmp, iptc } = metadata;
    let within = |bytes: &Option<Bytes>, wants, most| {
        bytes.clone().filter(|bytes| wants && bytes.len() <= most)
    };
    Metadata {
        exif: within(exif, keep.wants_exif(), usize::MAX),
        xmp: within(xmp, keep.wants_xmp(), xmp::MAX_LENGTH),
        iptc: within(iptc, keep.wants_iptc(), iptc::MAX_LENGTH),
    }
}

fn length(bytes: &Option<Bytes>) -> usize {
    bytes.as_ref().map_or(0, Bytes::len)
}

/// The fields that are wanted, and still hold.
fn kept(fields: &Fields, keep: Keep, shown: &Shown) -> Fields {
    let mut fields = fields.clone();
    fields.retain(|&Field { directory, tag, .. }| match directory {
        Directory::Image if RIGHTS.contains(&tag) => keep.exif || keep.copyright,
        Directory::Image => keep.exif && !OF_IMAGE_SAMPLES.contains(&tag),
        Directory::Exif => keep.exif && !OF_EXIF_SAMPLES.contains(&tag),
        Directory::Gps => keep.gps,
        // It says whether they are Adobe RGB, and what the file was.
        Directory::Interop => keep.exif && !shown.is_srgb && tag < 0x1000,
    });
    fields.replace_short(Directory::Image, ORIENTATION, shown.orientation);
    fields.replace_long(Directory::Exif, PIXEL_X_DIMENSION, shown.width);
    fields.replace_long(Directory::Exif, PIXEL_Y_DIMENSION, shown.height);
    if shown.is_srgb {
        fields.replace_short(Directory::Exif, COLOR_SPACE, SRGB);
    }
    fields
}
