//! XMP packets: RDF in XML, of which the properties are written anew that still hold.

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{PrefixDeclaration, QName, ResolveResult};

/// More than a packet has that describes a picture. Longer ones hold an editor's history.
pub(crate) const MAX_LENGTH: usize = 256 << 10;

/// How long a byte takes at the most: in names whose prefixes have to be found among many.
pub(crate) const NANOS_PER_BYTE: u64 = 40;

/// More than a description has.
const MAX_DEPTH: usize = 64;
const MAX_NAMESPACES: usize = 64;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const META: &str = "adobe:ns:meta/";
const XML: &str = "http://www.w3.org/XML/1998/namespace";
const TIFF: &str = "http://ns.adobe.com/tiff/1.0/";
const EXIF: &str = "http://ns.adobe.com/exif/1.0/";
const XMP: &str = "http://ns.adobe.com/xap/1.0/";
const RIGHTS: &str = "http://ns.adobe.com/xap/1.0/rights/";
const PLUS: &str = "http://ns.useplus.org/ldf/xmp/1.0/";
const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";
const IPTC_CORE: &str = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/";

/// What belongs to other parts of the file, which do not go along: gain maps, depth maps, films,
/// the rest of a long packet; and to pixels as they were.
const OF_THE_FILE: [&str; 6] = [
    "http://ns.google.com/photos/",
    "http://ns.adobe.com/hdr-gain-map/",
    "http://ns.apple.com/HDRGainMap/",
    "http://ns.apple.com/pixeldatainfo/",
    "http://ns.adobe.com/xmp/note/",
    "http://ns.adobe.com/camera-raw-settings/",
];

/// What describes samples as they were stored.
const OF_SAMPLES: [(&str, &[&str]); 4] = [
    (
        TIFF,
        &[
            "Orientation",
            "ImageWidth",
            "ImageLength",
            "BitsPerSample",
            "Compression",
            "PhotometricInterpretation",
            "SamplesPerPixel",
            "PlanarConfiguration",
            "YCbCrSubSampling",
            "YCbCrPositioning",
            "TransferFunction",
            "WhitePoint",
            "PrimaryChromaticities",
            "YCbCrCoefficients",
            "ReferenceBlackWhite",
            "NativeDigest",
        ],
    ),
    (
        EXIF,
        &[
            "PixelXDimension",
            "PixelYDimension",
            "ColorSpace",
            "Gamma",
            "ComponentsConfiguration",
            "CompressedBitsPerPixel",
            "FocalPlaneXResolution",
            "FocalPlaneYResolution",
            "FocalPlaneResolutionUnit",
            "SubjectArea",
            "SubjectLocation",
            "RelatedSoundFile",
            "NativeDigest",
        ],
    ),
    (XMP, &["Thumbnails"]),
    (PHOTOSHOP, &["ICCProfile", "ColorMode"]),
];

/// Who made the picture, and what may be done with it.
const COPYRIGHT: [(&str, &[&str]); 4] = [
    (DUBLIN_CORE, &["creator", "rights"]),
    (PHOTOSHOP, &["AuthorsPosition", "Credit", "Source"]),
    (IPTC_CORE, &["CreatorContactInfo"]),
    (TIFF, &["Artist", "Copyright"]),
];

/// Parts of the names that positions have, DJI's wrong one among them.
const POSITIONS: [&str; 4] = ["gps", "latitude", "longitude", "longtitude"];

/// Which properties are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Where the picture was made.
    pub position: bool,
    /// The others, or [`COPYRIGHT`] alone.
    pub all: bool,
}

/// Where an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Around the RDF.
    Wrapper,
    Rdf,
    Description,
    Property,
}

/// The properties of a packet that are wanted, as a packet. `None` where nothing is left, and where
/// it is no such XML in UTF-8.
pub(crate) fn kept(packet: &[u8], wanted: Wanted) -> Option<Vec<u8>> {
    if packet.len() > MAX_LENGTH {
        return None;
    }
    let text = std::str::from_utf8(packet).ok()?;
    // Writers pad with nulls.
    let text = text.trim_start_matches('\u{FEFF}').trim_end_matches('\0');
    let mut reader = NsReader::from_str(text);
    reader.resolver_mut().set_max_namespace_bindings(MAX_NAMESPACES);
    let mut writer = Writer { out: String::from(BEGIN), wanted, places: Vec::new(), kept: 0 };
    // How deep it is inside of what is left out.
    let mut left_out = 0_usize;
    loop {
        let event = reader.read_event().ok()?;
        match event {
            Event::Start(_) if left_out > 0 => left_out += 1,
            Event::End(_) if left_out > 0 => left_out -= 1,
            Event::Eof => break,
            _ if left_out > 0 => {}
            Event::Start(tag) => left_out = usize::from(!writer.start(&reader, &tag, false)?),
            Event::Empty(tag) => drop(writer.start(&reader, &tag, true)?),
            Event::End(tag) => writer.end(tag.name()),
            Event::Text(text) => writer.text(&text),
            Event::CData(data) => writer.data(&data),
            Event::GeneralRef(name) => writer.reference(&name)?,
            // It may define what entities stand for.
            Event::DocType(_) => return None,
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
        }
    }
    let Writer { mut out, places, kept, .. } = writer;
    out.push_str(END);
    (kept > 0 && places.is_empty()).then(|| out.into_bytes())
}

const BEGIN: &str = "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>";
const END: &str = "<?xpacket end=\"r\"?>";

struct Writer {
    out: String,
    wanted: Wanted,
    places: Vec<Place>,
    /// How many properties were written.
    kept: usize,
}

impl Writer {
    /// Writes a tag. `false` if the element is left out, `None` if the packet is to be refused.
    fn start(
        &mut self,
        reader: &NsReader<&[u8]>,
        tag: &BytesStart,
        is_empty: bool,
    ) -> Option<bool> {
        let (space, name) = resolved(reader, tag.name(), true);
        let place = match self.places.last() {
            None | Some(Place::Wrapper) if (space, name) == (RDF, "RDF") => Place::Rdf,
            None if space == META => Place::Wrapper,
            Some(Place::Rdf) if (space, name) == (RDF, "Description") => Place::Description,
            Some(Place::Description) if self.wanted.property(space, name) => Place::Property,
            Some(Place::Property) if self.wanted.part(space, name) => Place::Property,
            _ => return Some(false),
        };
        if self.places.len() >= MAX_DEPTH {
            return None;
        }
        let is_property = self.places.last() == Some(&Place::Description);
        self.kept += usize::from(is_property);
        self.out.push('<');
        self.out.push_str(tag.name().0);
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.ok()?;
            if self.wants(reader, place, attribute.key) {
                self.attribute(attribute.key.0, &attribute.value);
            }
        }
        self.out.push_str(if is_empty { "/>" } else { ">" });
        if !is_empty {
            self.places.push(place);
        }
        Some(true)
    }

    fn wants(&mut self, reader: &NsReader<&[u8]>, place: Place, key: QName) -> bool {
        if let Some(declared) = key.as_namespace_binding() {
            return declared != PrefixDeclaration::Named("xmlns");
        }
        let (space, name) = resolved(reader, key, false);
        let is_syntax = matches!(space, RDF | XML);
        match place {
            Place::Wrapper | Place::Rdf => false,
            Place::Description if is_syntax => true,
            Place::Description => {
                let is_wanted = self.wanted.property(space, name);
                self.kept += usize::from(is_wanted);
                is_wanted
            }
            Place::Property => is_syntax || self.wanted.part(space, name),
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        // It may have stood between apostrophes.
        for part in value.split_inclusive(['"', '<']) {
            match part.strip_suffix(['"', '<']) {
                Some(before) => {
                    self.out.push_str(before);
                    self.out.push_str(if part.ends_with('"') { "&quot;" } else { "&lt;" });
                }
                None => self.out.push_str(part),
            }
        }
        self.out.push('"');
    }

    fn end(&mut self, name: QName) {
        self.places.pop();
        self.out.push_str("</");
        self.out.push_str(name.0);
        self.out.push('>');
    }

    fn is_in_property(&self) -> bool {
        self.places.last() == Some(&Place::Property)
    }

    fn text(&mut self, text: &str) {
        if self.is_in_property() {
            self.out.push_str(text);
        }
    }

    fn data(&mut self, data: &str) {
        if self.is_in_property() {
            self.out.extend(["<![CDATA[", data, "]]>"]);
        }
    }

    fn reference(&mut self, name: &str) -> Option<()> {
        let is_known =
            name.starts_with('#') || matches!(name, "amp" | "lt" | "gt" | "quot" | "apos");
        if is_known && self.is_in_property() {
            self.out.extend(["&", name, ";"]);
        }
        is_known.then_some(())
    }
}

/// The namespace of a name, which is empty if it has none, and the name in it.
fn resolved<'a>(
    reader: &'a NsReader<&[u8]>,
    name: QName<'a>,
    is_element: bool,
) -> (&'a str, &'a str) {
    let (space, local) = reader.resolver().resolve(name, is_element);
    match space {
        ResolveResult::Bound(space) => (space.0, local.into_inner()),
        ResolveResult::Unbound | ResolveResult::Unknown(_) => ("", local.into_inner()),
    }
}

impl Wanted {
    fn property(self, space: &str, name: &str) -> bool {
        let listed = |list: &[(&str, &[&str])]| {
            list.iter().any(|&(listed, names)| listed == space && names.contains(&name))
        };
        let is_wanted = self.all || space == RIGHTS || space == PLUS || listed(&COPYRIGHT);
        is_wanted && self.part(space, name) && !listed(&OF_SAMPLES)
    }

    /// What is left out wherever it stands.
    fn part(self, space: &str, name: &str) -> bool {
        !space.is_empty()
            && !OF_THE_FILE.iter().any(|other| space.starts_with(other))
            && (self.position || !says_where(name))
    }
}

fn says_where(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    POSITIONS.iter().any(|part| name.contains(part))
}
