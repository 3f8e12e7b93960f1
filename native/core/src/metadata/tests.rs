//! What is kept of metadata, and that no metadata does harm.

use thumbelina_codec::Budget;

use super::block::Order;
use super::fields::{Directory, Fields};
use super::keep::{Carried, Keep, Shown};
use super::values::Value;
use super::{Metadata, iptc, named, profile, profile_name, xmp};

const ALL: Keep = Keep { exif: true, gps: true, copyright: true, xmp: true, iptc: true, icc: true };
const SHOWN: Shown =
    Shown { width: 200, height: 133, orientation: 1, is_srgb: true, is_gray: false };

/// An entry of a directory: tag, type and value.
type Entry<'a> = (u16, u16, &'a [u8]);

const IMAGE: [Entry; 6] = [
    (0x0100, 4, &[0, 0, 16, 0]),
    (0x010F, 2, b"Maker of cameras\0"),
    (0x0112, 3, &[0, 6]),
    (0x011A, 5, &[0, 0, 0, 72, 0, 0, 0, 1]),
    (0x013B, 2, b"Somebody\0"),
    (0x8298, 2, b"photographer\0editor\0"),
];
const EXIF: [Entry; 8] = [
    (0x829A, 5, &[0, 0, 0, 1, 0, 0, 0, 125]),
    (0x9000, 7, b"0232"),
    (0x9003, 2, b"2026:01:02 03:04:05\0"),
    (0x9204, 10, &[0xFF, 0xFF, 0xFF, 0xFE, 0, 0, 0, 3]),
    (0x927C, 7, b"notes of the maker"),
    (0xA001, 3, &[0xFF, 0xFF]),
    (0xA002, 4, &[0, 0, 16, 0]),
    (0xA431, 2, b"serial number\0"),
];
const GPS: [Entry; 3] = [
    (0x0000, 1, &[2, 3, 0, 0]),
    (0x0001, 2, b"N\0"),
    (0x0002, 5, &[0, 0, 0, 52, 0, 0, 0, 1, 0, 0, 0, 30, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0]),
];

/// A directory at a place, with its values behind it, big-endian.
fn directory(at: usize, entries: &[Entry], next: u32) -> Vec<u8> {
    let mut table = (entries.len() as u16).to_be_bytes().to_vec();
    let mut values: Vec<u8> = Vec::new();
    for &(tag, kind, value) in entries {
        let size = [1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8][usize::from(kind)];
        table.extend(tag.to_be_bytes());
        table.extend(kind.to_be_bytes());
        table.extend(((value.len() / size) as u32).to_be_bytes());
        if value.len() <= 4 {
            table.extend(value);
            table.extend(vec![0; 4 - value.len()]);
        } else {
            let place = at + 6 + 12 * entries.len() + values.len();
            table.extend((place as u32).to_be_bytes());
            values.extend(value);
        }
    }
    table.extend(next.to_be_bytes());
    [table, values].concat()
}

/// A block as a camera writes it, with a directory of a thumbnail.
fn block() -> Vec<u8> {
    let pointer = |at: usize| (at as u32).to_be_bytes();
    let image = |exif, gps, next| {
        let (exif, gps) = (pointer(exif), pointer(gps));
        let children: [Entry; 2] = [(0x8769, 4, &exif), (0x8825, 4, &gps)];
        directory(8, &[&IMAGE[..], &children].concat(), next)
    };
    let exif_at = 8 + image(0, 0, 0).len();
    let gps_at = exif_at + directory(exif_at, &EXIF, 0).len();
    let thumbnail_at = gps_at + directory(gps_at, &GPS, 0).len();
    let data_at = (thumbnail_at + 30) as u32;
    let data_at = data_at.to_be_bytes();
    let thumbnail: [Entry; 2] = [(0x0201, 4, &data_at), (0x0202, 4, &[0, 0, 0, 14])];
    [
        b"MM\0\x2A\0\0\0\x08".to_vec(),
        image(exif_at, gps_at, thumbnail_at as u32),
        directory(exif_at, &EXIF, 0),
        directory(gps_at, &GPS, 0),
        directory(thumbnail_at, &thumbnail, 0),
        b"the thumbnail.".to_vec(),
    ]
    .concat()
}

fn exif(bytes: &[u8]) -> Vec<(String, Value)> {
    Fields::read(bytes).map_or_else(Vec::new, |fields| named(&fields))
}

fn names(bytes: &[u8]) -> Vec<String> {
    let mut names: Vec<_> = exif(bytes).into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

fn kept(keep: Keep) -> Metadata {
    let metadata = Metadata {
        exif: Some(block().into()),
        xmp: Some(PACKET.as_bytes().into()),
        iptc: Some(b"\x1C\x02\x78\0\x07caption\x1C\x02\x74\0\x03(c)".as_slice().into()),
    };
    attached(&metadata, keep, &SHOWN)
}

fn attached(metadata: &Metadata, keep: Keep, shown: &Shown) -> Metadata {
    let budget = Budget::new(1 << 20);
    let Ok(carried) = Carried::new(metadata, keep, &budget) else { unreachable!("it is short") };
    carried.attached(keep, shown).metadata
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn values_are_those_of_the_file() {
    let exif = exif(&block());
    let get = |name: &str| exif.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
    let text = |text: &str| Value::Text(text.to_owned());
    let all = [
        ("Make", text("Maker of cameras")),
        ("Orientation", Value::Integer(6)),
        ("XResolution", Value::Number(72.0)),
        ("Copyright", Value::List(vec![text("photographer"), text("editor")])),
        ("ExposureTime", Value::Number(1.0 / 125.0)),
        ("ExifVersion", text("0232")),
        ("DateTimeOriginal", text("2026:01:02 03:04:05")),
        ("ExposureBiasValue", Value::Number(-2.0 / 3.0)),
        ("GPSVersionID", Value::List([2, 3, 0, 0].map(Value::Integer).to_vec())),
        ("GPSLatitudeRef", text("N")),
        (
            "GPSLatitude",
            Value::List(vec![Value::Number(52.0), Value::Number(30.0), Value::Unknown]),
        ),
    ];
    for (name, value) in all {
        assert_eq!(get(name), Some(value), "{name}");
    }
    assert_eq!((get("MakerNote"), get("JPEGInterchangeFormat")), (None, None));
}

#[test]
fn comments_are_texts_in_their_encodings() {
    let comment = |bytes: &[u8]| {
        let pointer = [0, 0, 0, 26];
        let image = directory(8, &[(0x8769, 4, &pointer)], 0);
        let file = [&b"MM\0\x2A\0\0\0\x08"[..], &image, &directory(26, &[(0x9286, 7, bytes)], 0)];
        exif(&file.concat())
    };
    let text = |text: &str| vec![("UserComment".to_owned(), Value::Text(text.to_owned()))];
    assert_eq!(comment(b"ASCII\0\0\0a comment  \0"), text("a comment"));
    assert_eq!(comment(b"UNICODE\0\0\xE9\x20\xAC"), text("é€"));
    assert_eq!(comment(b"UNICODE\0\xFF\xFE\xE9\0\xAC\x20\0\0"), text("é€"));
    assert_eq!(comment(b"UNICODE\0\xD8\0\0a"), text("\u{FFFD}a"));
    assert_eq!(comment(b"\0\0\0\0\0\0\0\0\xE9t\xE9"), text("été"));
    assert_eq!(comment(b"short"), text("short"));
}

#[test]
fn all_that_still_holds_is_kept() {
    let Metadata { exif, xmp, iptc } = kept(ALL);
    let (exif, xmp) = (exif.unwrap_or_default(), xmp.unwrap_or_default());
    let expected = [
        "Artist",
        "ColorSpace",
        "Copyright",
        "DateTimeOriginal",
        "ExifVersion",
        "ExposureBiasValue",
        "ExposureTime",
        "GPSLatitude",
        "GPSLatitudeRef",
        "GPSVersionID",
        "BodySerialNumber",
        "Make",
        "Orientation",
        "PixelXDimension",
        "XResolution",
    ];
    let mut expected = expected.map(str::to_owned);
    expected.sort();
    assert_eq!(names(&exif), expected);
    let now = self::exif(&exif);
    for (name, value) in [("Orientation", 1), ("ColorSpace", 1), ("PixelXDimension", 200)] {
        assert!(now.contains(&(name.to_owned(), Value::Integer(value))), "{name}");
    }
    // Nothing else of the block is there.
    assert!(!holds(&exif, b"the thumbnail") && !holds(&exif, b"notes of"));
    let xmp = String::from_utf8_lossy(&xmp);
    assert!(xmp.contains("a title") && xmp.contains("GPSLatitude"), "{xmp}");
    assert_eq!(iptc.as_deref(), Some(&b"\x1C\x02\x78\0\x07caption\x1C\x02\x74\0\x03(c)"[..]));
}

#[test]
fn what_is_picked_is_kept_alone() {
    let none = Keep::default();
    assert_eq!(kept(none), Metadata::default());
    assert_eq!(kept(Keep { icc: true, ..none }), Metadata::default());

    let Metadata { exif, xmp, iptc } = kept(Keep { copyright: true, ..none });
    assert_eq!(names(&exif.unwrap_or_default()), ["Artist", "Copyright"]);
    let xmp = xmp.unwrap_or_default();
    assert!(holds(&xmp, b"a maker") && holds(&xmp, b"all rights"));
    assert!(!holds(&xmp, b"a title") && !holds(&xmp, b"GPS") && !holds(&xmp, b"a tool"));
    assert_eq!(iptc.as_deref(), Some(&b"\x1C\x02\x74\0\x03(c)"[..]));

    let Metadata { exif, xmp, iptc } = kept(Keep { exif: true, ..none });
    assert!(!names(&exif.unwrap_or_default()).iter().any(|name| name.starts_with("GPS")));
    assert_eq!((xmp, iptc), (None, None));

    let gps = kept(Keep { gps: true, ..none });
    let expected = ["GPSLatitude", "GPSLatitudeRef", "GPSVersionID"];
    assert_eq!(names(&gps.exif.unwrap_or_default()), expected);
    assert_eq!((gps.xmp, gps.iptc), (None, None));

    let Metadata { exif, xmp, .. } = kept(Keep { xmp: true, ..none });
    assert_eq!(exif, None);
    let xmp = xmp.unwrap_or_default();
    assert!(holds(&xmp, b"a title") && !holds(&xmp, b"52,30"));
}

#[test]
fn colors_that_stay_keep_their_name() {
    let shown = Shown { is_srgb: false, ..SHOWN };
    let metadata = Metadata { exif: Some(block().into()), ..Metadata::default() };
    let exif = attached(&metadata, ALL, &shown).exif.unwrap_or_default();
    let space = ("ColorSpace".to_owned(), Value::Integer(0xFFFF));
    assert!(self::exif(&exif).contains(&space));
}

const PACKET: &str = r#"<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<!-- a comment -->
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="a tool">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
    xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpGImg="http://ns.adobe.com/xap/1.0/g/img/"
    xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    tiff:Orientation="6" exif:PixelXDimension='4096' hdrgm:Version="1.0"
    exif:GPSLatitude="52,30.0N" xmp:CreatorTool='a "tool" &amp; more'>
   <dc:title><rdf:Alt>
    <rdf:li xml:lang="x-default">a title &lt;&#233;&gt;</rdf:li></rdf:Alt></dc:title>
   <dc:creator><rdf:Seq><rdf:li>a maker</rdf:li></rdf:Seq></dc:creator>
   <dc:rights><rdf:Alt><rdf:li xml:lang="x-default">all rights</rdf:li></rdf:Alt></dc:rights>
   <xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource">
    <xmpGImg:image>/9j/4AAQ</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>
   <Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li rdf:parseType="Resource">
    <exif:GPSLongitude>52,30.0E</exif:GPSLongitude><Iptc4xmpExt:City>a city</Iptc4xmpExt:City>
   </rdf:li></rdf:Bag></Iptc4xmpExt:LocationShown>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
                                                  
<?xpacket end="w"?>"#;

const EVERYTHING: xmp::Wanted = xmp::Wanted { position: true, all: true };

fn packet(text: &str, wanted: xmp::Wanted) -> Option<String> {
    xmp::kept(text.as_bytes(), wanted).and_then(|packet| String::from_utf8(packet).ok())
}

#[test]
fn properties_of_a_packet_are_written_anew() {
    let all = packet(PACKET, EVERYTHING).unwrap_or_default();
    for kept in [
        r#"<rdf:li xml:lang="x-default">a title &lt;&#233;&gt;</rdf:li>"#,
        r#"xmp:CreatorTool="a &quot;tool&quot; &amp; more""#,
        r#"exif:GPSLatitude="52,30.0N""#,
        "<exif:GPSLongitude>52,30.0E</exif:GPSLongitude>",
        "<Iptc4xmpExt:City>a city</Iptc4xmpExt:City>",
        r#"<rdf:Description rdf:about="" xmlns:tiff="#,
    ] {
        assert!(all.contains(kept), "{kept} in {all}");
    }
    let gone = ["Orientation", "PixelX", "hdrgm:Version", "Thumbnails", "4AAQ", "comment", "xmptk"];
    for gone in gone {
        assert!(!all.contains(gone), "{gone} in {all}");
    }
    // What was written is such a packet, and stays.
    assert_eq!(packet(&all, EVERYTHING).as_deref(), Some(&all[..]));

    let here = packet(PACKET, xmp::Wanted { position: false, all: true }).unwrap_or_default();
    assert!(!here.contains("52,30") && here.contains("a city"), "{here}");
}

#[test]
fn a_packet_that_is_none_is_not_kept() {
    let definition = PACKET.replace("<x:xmpmeta", "<!DOCTYPE x [<!ENTITY e 'x'>]><x:xmpmeta");
    let entity = PACKET.replace("a title", "&e;");
    let empty = PACKET.replace("http://purl.org/dc", "http://example.com");
    let copyright = xmp::Wanted { position: false, all: false };
    for (text, wanted) in [
        (&definition[..], EVERYTHING),
        (&entity, EVERYTHING),
        (&empty, copyright),
        ("<a/>", EVERYTHING),
        ("", EVERYTHING),
        (&PACKET[..PACKET.len() / 2], EVERYTHING),
        (&PACKET.replace("</dc:creator>", "</dc:title>"), EVERYTHING),
    ] {
        assert_eq!(packet(text, wanted), None, "{text}");
    }
    assert_eq!(xmp::kept(b"\xFF\xFE<\0a\0", EVERYTHING), None);
    let deep = |depth: usize| {
        let nested = ["<dc:a>".repeat(depth), "</dc:a>".repeat(depth)].concat();
        PACKET.replace("a maker", &nested)
    };
    assert!(packet(&deep(50), EVERYTHING).is_some());
    assert_eq!(packet(&deep(70_000), EVERYTHING), None);
    assert_eq!(packet(&PACKET.replace("a maker", &"m".repeat(xmp::MAX_LENGTH)), EVERYTHING), None);
}

/// A generator whose numbers are always the same.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most.max(1)
    }

    /// Some bytes changed, to what is likely to hurt, and sometimes cut off.
    fn mutated(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut mutated = bytes.to_vec();
        for _ in 0..1 + self.below(8) {
            let at = self.below(mutated.len());
            let byte = [0, 1, 2, 4, 8, 0x7F, 0x80, 0xFF, b'<', b'&', b'"', self.below(256) as u8];
            mutated[at] = byte[self.below(byte.len())];
        }
        if self.below(8) == 0 {
            mutated.truncate(self.below(bytes.len()));
        }
        mutated
    }
}

#[test]
fn no_metadata_does_harm() {
    let mut chance = Chance(1);
    let (block, profile) = (block(), profile::srgb(false));
    let records = b"\x1C\x02\x78\0\x07caption\x1C\x02\x74\0\x03(c)";
    for _ in 0..20_000 {
        let bytes = chance.mutated(&block);
        if let Some(fields) = Fields::read(&bytes) {
            let read = named(&fields);
            let again = Fields::read(&fields.write()).map(|fields| named(&fields));
            // Of numbers that are none, none is like the other.
            let same = again.as_ref().is_some_and(|again| again.len() == read.len());
            assert!(same, "{read:?} and {again:?}");
        }
        let _ = profile_name(&chance.mutated(&profile));
        let _ = iptc::kept(&chance.mutated(records), false);
    }
    for _ in 0..3_000 {
        if let Some(kept) = xmp::kept(&chance.mutated(PACKET.as_bytes()), EVERYTHING) {
            assert!(kept.len() < 2 * PACKET.len());
        }
    }
}

#[test]
fn every_beginning_of_a_block_is_read() {
    let block = block();
    let all = exif(&block).len();
    for length in 0..block.len() {
        assert!(exif(&block[..length]).len() <= all);
    }
}

/// Directories in a ring, of as many entries as there can be, that all point to the longest value.
#[test]
fn what_a_block_makes_is_bounded() {
    for order in [Order::Little, Order::Big] {
        let mut block = if order == Order::Little { b"II".to_vec() } else { b"MM".to_vec() };
        block.extend(order.short(42));
        block.extend(order.long(8));
        block.extend(order.short(0xFFFF));
        for tag in 0..=0xFFFF {
            block.extend(order.short(tag));
            block.extend(order.short(if tag == 0x8769 { 4 } else { 7 }));
            block.extend(order.long(if tag == 0x8769 { 1 } else { 15_000 }));
            block.extend(order.long(8));
        }
        let fields = Fields::read(&block).map(|fields| fields.write().len());
        assert!(fields.is_some_and(|len| len < 70_000), "{fields:?}");
    }
}

#[test]
fn big_tiff_is_read_and_little_endian_written() {
    let mut file = b"II\x2B\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec();
    file.extend(2_u64.to_le_bytes());
    for (tag, kind, count, value) in [(0x010F_u16, 2_u16, 12_u64, 72_u64), (0x8769, 18, 1, 84)] {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(0_u64.to_le_bytes());
    file.extend(b"a long name\0");
    file.extend(1_u64.to_le_bytes());
    file.extend([0x27, 0x88, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(0_u64.to_le_bytes());
    let Some(fields) = Fields::read(&file) else { unreachable!("it is a BigTIFF") };
    let expected = [
        ("Make".to_owned(), Value::Text("a long name".to_owned())),
        ("PhotographicSensitivity".to_owned(), Value::Integer(100)),
    ];
    assert_eq!(named(&fields), expected);
    assert!(fields.get(Directory::Exif, 0x8827).is_some());
    assert_eq!(exif(&fields.write()), expected);
}
